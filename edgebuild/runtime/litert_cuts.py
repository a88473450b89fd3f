"""A .tflite file cut into its operations: one bundle that times them, wherever it is brought.

Neither LiteRT's nor tflite-runtime's Python interface gives the interpreter's own per-operation times. A cut operation
runs with the data it sees in the whole model, on the same kernels, but without its neighbours: cache effects and what a
delegate fuses across operations are not in it. `ProfileReport.ratio` says how much the sum differs from the whole.
"""

from __future__ import annotations

import copy
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.errors import ToolError
from edgebuild.runtime.litert_flatbuffer import (
    io_names,
    operator_name,
    read_model,
    serialize_model,
    stored_bytes,
    tensor_name,
)
from edgebuild.runtime.litert_quiet import quiet
from edgebuild.runtime.session import OpTime, ProfileReport

_WARMUP = 5
_DECODES = ("DEQUANTIZE", "DENSIFY")


@dataclass(frozen=True)
class CutFile:
    """What is known here of a file whose operations are in a bundle.

    Attributes:
        operations: name and layer of each, in file order; one that only decodes a stored weight is part of the
            operation behind it.
    """

    operations: tuple[tuple[str, str | None], ...]

    def job(self, bundle: str, file: str, threads: int, cores: Sequence[int], runs: int) -> dict[str, Any]:
        """What the command `cuts` of `litert_worker.py` is to do with the bundle and the whole file, by their paths."""
        return {
            "bundle": bundle,
            "file": file,
            "cuts": len(self.operations),
            "threads": threads,
            "cores": list(cores),
            "runs": runs,
            "warmup": _WARMUP,
        }

    def report(self, medians: Sequence[float], runs: int) -> ProfileReport:
        """What it answered: ms of each operation, and of the whole file."""
        *alone, whole = medians
        times = tuple(
            OpTime(name, layer, float(time), runs) for (name, layer), time in zip(self.operations, alone, strict=True)
        )
        return ProfileReport(times, float(whole))


@dataclass(frozen=True)
class _Cut:
    """Operations that are timed together (`members`; the last one gives the name), and what they read from outside."""

    members: tuple[Any, ...]
    inputs: tuple[int, ...]


def cut_into_operations(file: Path, inputs: Mapping[str, np.ndarray], bundle: Path) -> CutFile:
    """Write `bundle`, a zip: `N.tflite` and its inputs `N.npz` for operation N of the main graph, and `whole.npz`.

    Args:
        file: the .tflite.
        inputs: of one inference, exactly as the file wants them.
        bundle: to be written.

    Raises:
        ConfigError: the file is not a .tflite.
        ToolError: LiteRT cannot run it with every tensor kept.
    """
    model = read_model(file)
    try:
        values = _values_inside(model, inputs)
    except (RuntimeError, ValueError) as error:
        msg = f"the operations of {file.name} cannot be cut out: {str(error).strip()}"
        raise ToolError(msg) from error
    cuts = _cuts(model)
    with zipfile.ZipFile(bundle, "w") as archive:
        for number, cut in enumerate(cuts):
            archive.writestr(f"{number}.tflite", serialize_model(_cut_out(model, cut)))
            archive.writestr(f"{number}.npz", _packed([values[index] for index in cut.inputs]))
        archive.writestr("whole.npz", _packed([inputs[name] for name in io_names(model)[0]]))
    return CutFile(tuple((operator_name(model, cut.members[-1]), _layer(model, cut)) for cut in cuts))


def _packed(arrays: Sequence[np.ndarray]) -> bytes:
    """The bytes of a .npz with arrays `0`, `1` and so on."""
    named: dict[str, Any] = {str(position): array for position, array in enumerate(arrays)}
    stream = io.BytesIO()
    np.savez(stream, **named)
    return stream.getvalue()


def _cuts(model: Any) -> list[_Cut]:
    graph = model.subgraphs[0]
    decoders: dict[int, Any] = {}
    cuts = []
    for operator in graph.operators:
        source = graph.tensors[operator.inputs[0]] if len(operator.inputs) else None
        if (
            source is not None
            and operator_name(model, operator) in _DECODES
            and stored_bytes(model, source) is not None
        ):
            decoders[int(operator.outputs[0])] = operator
            continue
        members = [decoders[int(index)] for index in operator.inputs if int(index) in decoders]
        made = {int(index) for member in members for index in member.outputs}
        outside = dict.fromkeys(
            int(index)
            for index in operator.inputs
            if index >= 0 and int(index) not in made and stored_bytes(model, graph.tensors[index]) is None
        )
        cuts.append(_Cut((*members, operator), tuple(outside)))
    return cuts


def _cut_out(model: Any, cut: _Cut) -> Any:
    """A `ModelT` that holds the operations of `cut` alone."""
    from ai_edge_litert import schema_py_generated as schema

    old = model.subgraphs[0]
    graph, buffers = schema.SubGraphT(), [schema.BufferT()]
    used = dict.fromkeys(
        int(index) for member in cut.members for index in (*member.inputs, *member.outputs) if index >= 0
    )
    position = {index: number for number, index in enumerate(used)}
    graph.tensors = []
    for index in used:
        tensor = copy.copy(old.tensors[index])
        if stored_bytes(model, tensor) is None:
            tensor.buffer = 0
        else:
            buffers.append(model.buffers[tensor.buffer])
            tensor.buffer = len(buffers) - 1
        graph.tensors.append(tensor)
    graph.operators = []
    for member in cut.members:
        operator = copy.copy(member)
        operator.inputs = np.array([position[int(i)] if i >= 0 else -1 for i in member.inputs], np.int32)
        operator.outputs = np.array([position[int(i)] for i in member.outputs], np.int32)
        graph.operators.append(operator)
    graph.inputs = np.array([position[index] for index in cut.inputs], np.int32)
    graph.outputs = graph.operators[-1].outputs
    graph.name = b"main"
    result = schema.ModelT()
    result.version, result.description = model.version, b""
    result.operatorCodes, result.subgraphs, result.buffers = model.operatorCodes, [graph], buffers
    return result


def _values_inside(model: Any, inputs: Mapping[str, np.ndarray]) -> dict[int, np.ndarray]:
    """Every computed tensor of the main graph for one input, from LiteRT's builtin kernels."""
    graph = model.subgraphs[0]
    computed = {int(index) for operator in graph.operators for index in operator.outputs}
    with quiet("LiteRT"):
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        interpreter = Interpreter(
            model_content=serialize_model(model),
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            experimental_preserve_all_tensors=True,
        )
        interpreter.allocate_tensors()
        for name, detail in zip(io_names(model)[0], interpreter.get_input_details(), strict=True):
            interpreter.set_tensor(detail["index"], inputs[name])
        interpreter.invoke()
        return {index: interpreter.get_tensor(index) for index in {*computed, *(int(i) for i in graph.inputs)}}


def _layer(model: Any, cut: _Cut) -> str | None:
    """`stem.0/conv_2d` -> `stem.0`, from the operation's result or its stored inputs; None for other names."""
    graph, operator = model.subgraphs[0], cut.members[-1]
    for index in (*operator.outputs, *(i for member in cut.members for i in member.inputs if i >= 0)):
        layer, slash, _ = tensor_name(graph.tensors[index]).rpartition("/")
        if slash and ";" not in layer:
            return layer
    return None
