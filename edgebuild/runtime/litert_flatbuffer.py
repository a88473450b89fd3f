"""A .tflite file as objects: read with every weight inline, written with every buffer aligned as the schema asks."""

from __future__ import annotations

import functools
import struct
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.errors import ConfigError
from edgebuild.runtime.litert_bounds import check_extent

_IDENTIFIER = b"TFL3"
_BUFFER_ALIGNMENT = 16
BROKEN = (struct.error, LookupError, ValueError, TypeError, ArithmeticError, MemoryError, AttributeError)
"""What reading raises when offsets lead outside the file, or when what is in it contradicts itself."""


def read_model(path: Path) -> Any:
    """Read a file as a `ModelT`.

    Raises:
        ConfigError: the file is missing, is not a .tflite or is damaged.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise ConfigError(msg) from error
    return parse_model(data, path.name)


def parse_model(data: bytes, label: str) -> Any:
    """Return the `ModelT` in `data`; weights that lie behind the flatbuffer (large models) are moved inline.

    Raises:
        ConfigError: `data` (called `label` in the message) is not a .tflite or is damaged.
    """
    from ai_edge_litert import schema_py_generated as schema

    if len(data) < 8 or data[4:8] != _IDENTIFIER:
        found = repr(bytes(data[4:8])) if len(data) >= 8 else f"{len(data)} bytes"
        msg = f"{label} is not a .tflite file: found {found}, expected the identifier {_IDENTIFIER!r} at byte 4"
        raise ConfigError(msg)
    try:
        root = schema.Model.GetRootAs(data, 0)
        check_extent(root, len(data))
        model = schema.ModelT.InitFromObj(root)
        _inline_buffers(model, data)
        _check_indices(model)
    except BROKEN as error:
        raise damaged(label, len(data), error) from error
    return model


def damaged(label: str, size: int, error: Exception) -> ConfigError:
    """What a file called `label` of `size` bytes is, whose content led to `error`."""
    said = str(error) or type(error).__name__
    msg = f"{label} is damaged: found {size} bytes that do not hold together ({said})"
    return ConfigError(msg, remedy="copy the file again or export it again")


def _inline_buffers(model: Any, data: bytes) -> None:
    for buffer in model.buffers:
        if buffer.offset and buffer.offset > 1:
            if buffer.offset + buffer.size > len(data):
                msg = f"a buffer ends at byte {buffer.offset + buffer.size}"
                raise ValueError(msg)
            buffer.data = np.frombuffer(data, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0


def _check_indices(model: Any) -> None:
    if not model.subgraphs or not model.buffers:
        msg = "it has no subgraph or no buffers"
        raise ValueError(msg)
    for graph in model.subgraphs:
        count = len(graph.tensors or [])
        if any(tensor.buffer >= len(model.buffers) for tensor in graph.tensors or []):
            msg = "a tensor refers to a buffer that is not there"
            raise ValueError(msg)
        if not all(0 <= index < count for side in (graph.inputs, graph.outputs) for index in _listed(side)):
            msg = "an input or output refers to a tensor that is not there"
            raise ValueError(msg)
        for operator in graph.operators or []:
            inputs, outputs = _listed(operator.inputs), _listed(operator.outputs)
            known = all(-1 <= index < count for index in (*inputs, *outputs))
            if operator.opcodeIndex >= len(model.operatorCodes or []) or not known:
                msg = "an operation refers to something that is not there"
                raise ValueError(msg)


def _listed(indices: Any) -> list[int]:
    return [] if indices is None else [int(index) for index in indices]


def serialize_model(model: Any) -> bytes:
    """Return the flatbuffer of a `ModelT`; the same object always gives the same bytes."""
    import flatbuffers

    total = sum(len(buffer.data) for buffer in model.buffers if buffer.data is not None)
    builder = flatbuffers.Builder(total + (1 << 16))
    plain = model.buffers
    model.buffers = [_AlignedBuffer(buffer) for buffer in plain]
    try:
        builder.Finish(model.Pack(builder), _IDENTIFIER)
    finally:
        model.buffers = plain
    return bytes(builder.Output())


class _AlignedBuffer:
    """Packs a buffer at a multiple of 16 bytes, as the schema's `force_align` asks and the generated code forgets."""

    def __init__(self, buffer: Any) -> None:
        self._data = b"" if buffer.data is None else np.asarray(buffer.data, np.uint8).tobytes()

    def Pack(self, builder: Any) -> int:  # noqa: N802 (the name that the generated code calls)
        """Write the buffer and return its offset."""
        from ai_edge_litert import schema_py_generated as schema

        vector = None
        if self._data:
            builder.StartVector(1, len(self._data), _BUFFER_ALIGNMENT)
            head = builder.Head() - len(self._data)
            builder.head = head
            builder.Bytes[head : head + len(self._data)] = self._data
            vector = builder.EndVector()
        schema.BufferStart(builder)
        if vector is not None:
            schema.BufferAddData(builder, vector)
        return int(schema.BufferEnd(builder))


def operator_name(model: Any, operator: Any) -> str:
    """Name of an operation as the schema writes it: `CONV_2D`; a custom operation by its own name."""
    code = model.operatorCodes[operator.opcodeIndex]
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    name = _builtin_names().get(number, f"BUILTIN_{number}")
    return code.customCode.decode(errors="replace") if name == "CUSTOM" and code.customCode else name


def operator_version(model: Any, operator: Any) -> int:
    """Version of an operation as the file states it."""
    return int(model.operatorCodes[operator.opcodeIndex].version)


def operator_options(operator: Any) -> dict[str, int | float]:
    """Scalar options of an operation, by the schema's names; enumerations are the schema's numbers."""
    options = operator.builtinOptions
    fields = vars(options) if options is not None else {}
    return {name: value for name, value in sorted(fields.items()) if isinstance(value, bool | int | float)}


def tensor_name(tensor: Any) -> str:
    """Name of a tensor; empty where the file has none."""
    return tensor.name.decode(errors="replace") if tensor.name else ""


def type_name(number: int) -> str:
    """Name of a tensor type in numpy's words: `float32`, `int8`, `int4`."""
    return _type_names().get(number, f"type{number}").lower()


def tensor_shape(tensor: Any) -> tuple[int, ...]:
    """Shape as stored; () for a scalar."""
    return tuple(int(size) for size in (tensor.shape if tensor.shape is not None else ()))


def stored_bytes(model: Any, tensor: Any) -> np.ndarray | None:
    """The bytes stored for a tensor (uint8), or None where it is computed at run time."""
    data = model.buffers[tensor.buffer].data
    return np.asarray(data, np.uint8) if data is not None and len(data) else None


def quantization(tensor: Any) -> tuple[tuple[float, ...], tuple[int, ...], int | None]:
    """(scales, zero points, channel axis) of a tensor; empty where it is not quantized, axis only where per channel."""
    found = tensor.quantization
    if found is None or found.scale is None or not len(found.scale):
        return (), (), None
    scales = tuple(float(scale) for scale in found.scale)
    zero_points = tuple(int(point) for point in (found.zeroPoint if found.zeroPoint is not None else ()))
    return scales, zero_points or (0,) * len(scales), int(found.quantizedDimension) if len(scales) > 1 else None


def io_names(model: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the main graph's inputs and outputs: the first signature's where there is one, else the tensors'."""
    graph = model.subgraphs[0]
    sides = []
    for indices, side in ((graph.inputs, "inputs"), (graph.outputs, "outputs")):
        named = {}
        if model.signatureDefs:
            entries = getattr(model.signatureDefs[0], side) or []
            named = {int(entry.tensorIndex): entry.name.decode() for entry in entries}
        sides.append(tuple(named.get(int(index), tensor_name(graph.tensors[index])) for index in indices))
    return sides[0], sides[1]


@functools.cache
def _builtin_names() -> dict[int, str]:
    from ai_edge_litert import schema_py_generated as schema

    return {value: name for name, value in vars(schema.BuiltinOperator).items() if not name.startswith("_")}


@functools.cache
def _type_names() -> dict[int, str]:
    from ai_edge_litert import schema_py_generated as schema

    return {value: name for name, value in vars(schema.TensorType).items() if not name.startswith("_")}
