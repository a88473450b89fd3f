"""How far each layer of an exported .tflite is from the float model, from the real kernels' intermediate results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.check.census.model import Census
from edgebuild.check.census.tflite import take_census
from edgebuild.errors import InternalError
from edgebuild.export.feed import to_raw
from edgebuild.export.format import ExportRequest, LayerError, read_export
from edgebuild.export.tflite.source import float_model
from edgebuild.model.data_folder import read_inputs
from edgebuild.runtime.litert_quiet import quiet

_HELPERS = frozenset({"QUANTIZE", "DEQUANTIZE", "TRANSPOSE", "RESHAPE", "PAD", "PADV2"})
"""Operations that move data; a layer is judged by its last operation that computes, where it has one."""


@dataclass
class _Sums:
    signal: float = 0.0
    noise: float = 0.0


@dataclass(frozen=True)
class _Tapped:
    """A file whose every tensor can be read after a run.

    XNNPACK keeps no intermediate results, so this runs on the builtin kernels; `plain` is the same without tapping.
    """

    interpreter: Any
    plain: Any
    census: Census
    index: Mapping[str, int] = field(default_factory=dict)

    def run(self, inputs: Sequence[np.ndarray]) -> None:
        for interpreter in (self.interpreter, self.plain):
            for detail, array in zip(interpreter.get_input_details(), inputs, strict=True):
                interpreter.set_tensor(detail["index"], array)
            interpreter.invoke()
        for detail in self.plain.get_output_details():
            if not np.array_equal(
                self.plain.get_tensor(detail["index"]), self.interpreter.get_tensor(detail["index"]), equal_nan=True
            ):
                msg = f"tapping {self.census.path} changed its output {detail['name']!r}: layer errors would be wrong"
                raise InternalError(msg)

    def value(self, name: str) -> np.ndarray:
        """The real value of a tensor, dequantized."""
        record = self.census.tensors[self.index[name]]
        array = self.interpreter.get_tensor(record.index).astype(np.float64)
        return np.asarray((array - record.zero_point[0]) * record.scale[0] if record.scale else array)


def layer_error(request: ExportRequest, file: Path, samples: int) -> list[LayerError]:
    """Compare `file` layer by layer with a float export of the same model, on the first `samples` validation inputs.

    Tensors are matched by name: both files come from the same float model, and a quantizer keeps names. A layer that
    the exported file has not, because it was fused into its neighbour, has no row.

    Raises:
        InternalError: reading intermediate results changed the outputs.
    """
    reference = float_model(request)
    record = read_export(file.parent)
    arrays = {name: np.asarray(array[:samples]) for name, array in read_inputs(request.data, "validation").items()}
    count = min(len(array) for array in arrays.values())
    tapped, exact = _tap(file.read_bytes(), file.name), _tap(reference.data, "the float model")
    taps = _taps(tapped, exact)
    sums = {name: _Sums() for name in taps}
    given = to_raw(record, arrays)
    plain = {
        name: array.transpose(0, 2, 3, 1) if name in reference.channel_last else array for name, array in arrays.items()
    }
    for number in range(count):
        tapped.run([given[io.name][number : number + 1] for io in tapped.census.inputs])
        exact.run([np.ascontiguousarray(plain[io.name][number : number + 1]) for io in exact.census.inputs])
        for name, total in sums.items():
            truth = exact.value(name)
            total.signal += float(np.sum(truth**2))
            total.noise += float(np.sum((truth - tapped.value(name)) ** 2))
    return [LayerError(layer, _decibels(sums[name]), kernel, count) for name, (layer, kernel) in taps.items()]


def _tap(data: bytes, label: str) -> _Tapped:
    census = take_census(data, label)
    with quiet("LiteRT"):
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        kernels = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        interpreters = [
            Interpreter(
                model_content=data, experimental_op_resolver_type=kernels, experimental_preserve_all_tensors=keep
            )
            for keep in (True, False)
        ]
        for interpreter in interpreters:
            interpreter.allocate_tensors()
    index = {tensor.name: tensor.index for tensor in census.tensors}
    return _Tapped(interpreters[0], interpreters[1], census, index)


def _taps(tapped: _Tapped, exact: _Tapped) -> dict[str, tuple[str, str]]:
    """Tensor name -> (layer, kernel): for every layer its last computing operation that both files have.

    The kernel is the one that computes in the float file: in the exported file a QUANTIZE may come behind it.
    """
    kernels = {
        exact.census.tensors[index].name: operation.name
        for operation in exact.census.operations
        for index in operation.outputs
    }
    found: dict[str, str] = {}
    for operation in tapped.census.operations:
        for index in operation.outputs:
            name = tapped.census.tensors[index].name
            layer = operation.layer if name in kernels else None
            if layer and (kernels[name] not in _HELPERS or layer not in found):
                found[layer] = name
    return {name: (layer, kernels[name]) for layer, name in found.items()}


def _decibels(sums: _Sums) -> float:
    if sums.noise == 0.0:
        return float("inf")
    return float(10 * np.log10(sums.signal / sums.noise)) if sums.signal else float("-inf")
