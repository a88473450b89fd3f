"""The portable kernels of a .pte file, run by PyTorch's operations of the same names in the place of ExecuTorch's.

They are written after PyTorch's: results of floating point may differ in the last bits, those of integers may not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from edgebuild.errors import ToolError
from edgebuild.runtime.executorch_file import DTYPES, PteFile, Views


class Values:
    """What the tensors of a plan hold while it runs: numbers in the order of their bytes, views of them included."""

    def __init__(self, program: PteFile) -> None:
        self._arrays: dict[int, np.ndarray] = {}
        self._views = Views(program.forward())

    def put(self, index: int, array: np.ndarray) -> None:
        """A tensor got its numbers."""
        self._arrays[index] = array
        self._views.write(index)

    def get(self, index: int) -> np.ndarray | None:
        """The numbers of a tensor, in any shape; None where nothing wrote them."""
        return self._arrays.get(self._views.source(index))


_QUANTIZE, _DEQUANTIZE = "quantized_decomposed::quantize_per_tensor", "quantized_decomposed::dequantize_per_tensor"
_VIEW = "executorch_prim::et_view"
_OWN = (_QUANTIZE, _DEQUANTIZE, _VIEW)
"""What is done here, without an operation of PyTorch's."""
_SCALARS = {"Int": "int_val", "Double": "double_val", "Bool": "bool_val", "String": "string_val"}
_LISTS = ("IntList", "BoolList", "DoubleList")
_TENSOR_LISTS = ("TensorList", "OptionalTensorList")


class PortableKernels:
    """The kernels of one file's `forward`; `unknown` names those that nothing here runs."""

    def __init__(self, program: PteFile) -> None:
        self._program = program
        self._plan = program.forward()
        used = {
            instruction["instr_args"]["op_index"]
            for instruction in self._plan["chains"][0]["instructions"]
            if instruction["instr_args_type"] == "KernelCall"
        }
        operators = {index: self._plan["operators"][index] for index in sorted(used)}
        self._operations = {
            index: _find(operator) for index, operator in operators.items() if operator["name"] not in _OWN
        }
        self.unknown = tuple(operators[index]["name"] for index, run in self._operations.items() if run is None)

    def run(self, call: Mapping[str, Any], values: Values) -> None:
        """Run one call and put down its results."""
        name = self._plan["operators"][call["op_index"]]["name"]
        args: list[int] = call["args"]
        if name in (_QUANTIZE, _DEQUANTIZE):
            values.put(args[-1], self._convert(name, args, values))
        elif name == _VIEW:
            values.put(args[-1], self._stored(args[0], values))
        else:
            self._compute(self._operations[call["op_index"]], args, values)

    def _convert(self, name: str, args: list[int], values: Values) -> np.ndarray:
        """As the portable kernels do: float32, rounded to the nearest, halves to even."""
        source = self._stored(args[0], values)
        scale, zero, low, high = (self._argument(index, values) for index in args[1:5])
        if name == _QUANTIZE:
            steps = np.rint(source.astype(np.float32) * (np.float32(1) / np.float32(scale))) + np.float32(zero)
            return np.asarray(np.clip(steps, low, high), np.int8)
        return np.asarray((source.astype(np.float32) - np.float32(zero)) * np.float32(scale))

    def _compute(self, operation: Any, args: list[int], values: Values) -> None:
        """Call a variant that writes to its last arguments; the program repeats them behind as what it returns."""
        import torch

        positional, named, results = [], {}, {}
        for argument, index in zip(operation._schema.arguments, args, strict=False):
            if argument.is_out:
                value = results[index] = torch.empty(self._sizes(index), dtype=self._dtype(index))
            else:
                value = self._argument(index, values)
            if argument.kwarg_only:
                named[argument.name] = value
            else:
                positional.append(value)
        with torch.no_grad():
            operation(*positional, **named)
        for index, tensor in results.items():
            values.put(index, np.ascontiguousarray(tensor.permute(self._order(index)).numpy()))

    def _argument(self, index: int, values: Values) -> Any:
        value = self._plan["values"][index]
        kind, content = value["val_type"], value["val"]
        if kind == "Tensor":
            return self._tensor(index, values)
        if kind in _SCALARS:
            return content[_SCALARS[kind]]
        if kind == "IntList":
            return [self._argument(item, values) for item in content["items"]]
        if kind in _LISTS:
            return list(content["items"])
        if kind in _TENSOR_LISTS:
            return [None if item < 0 else self._tensor(item, values) for item in content["items"]]
        return None

    def _tensor(self, index: int, values: Values) -> Any:
        """In the order of the model's dimensions, which the bytes may have another of."""
        import torch

        order, sizes = self._order(index), self._sizes(index)
        stored = self._stored(index, values).reshape([sizes[dimension] for dimension in order])
        return torch.from_numpy(np.array(stored)).permute(np.argsort(order).tolist())

    def _stored(self, index: int, values: Values) -> np.ndarray:
        """The numbers of a tensor that was computed, or lies in the file.

        Raises:
            ToolError: it is neither.
        """
        computed = values.get(index)
        if computed is not None:
            return computed
        tensor = self._plan["values"][index]["val"]
        if not tensor["data_buffer_idx"]:
            msg = f"{self._program.path.name} reads tensor {index}, which nothing in it computes"
            raise ToolError(msg, remedy="build the file again; a program with a state of its own does not run here")
        dtype = np.dtype(str(self._dtype(index)).removeprefix("torch."))
        count = int(np.prod(tensor["sizes"], dtype=np.int64))
        data = self._program.constant(tensor["data_buffer_idx"], count * dtype.itemsize)
        return np.frombuffer(data, dtype)

    def _sizes(self, index: int) -> list[int]:
        return list(self._plan["values"][index]["val"]["sizes"])

    def _order(self, index: int) -> list[int]:
        return list(self._plan["values"][index]["val"]["dim_order"])

    def _dtype(self, index: int) -> Any:
        import torch

        return getattr(torch, DTYPES[self._plan["values"][index]["val"]["scalar_type"]])


def _find(operator: Mapping[str, Any]) -> Callable[..., Any] | None:
    """PyTorch's operation of this name and overload; None where it has none that writes to given tensors."""
    import executorch.exir.passes.dim_order_ops_registry  # noqa: F401 (registers the operations on orders of bytes)
    import torch

    space, _, short = operator["name"].partition("::")
    packet = getattr(getattr(torch.ops, space), short, None)
    found = getattr(packet, operator["overload"] or "default", None)
    if found is None or not any(argument.is_out for argument in found._schema.arguments):
        return None
    return found  # type: ignore[no-any-return]
