"""The program in a Core ML payload: its calls with what they read, and the stored tensors with their values.

Sources of the layouts: Model.proto and MIL.proto of coremltools (field numbers), and its MILBlob storage format: at the
offset of a tensor 64 bytes (sentinel, type, size, place of the data).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from edgebuild.runtime.coreml_payload import read_files
from edgebuild.runtime.executorch_flatbuffer import MalformedBufferError
from edgebuild.runtime.protobuf import Message, mapping, message, messages, read_message, text, whole

_MODEL, _WEIGHTS = "model.mlmodel", "weight.bin"
_PROGRAM = 502
_BLOB = struct.Struct("<IIQQ")
_SENTINEL = 0xDEADBEEF
_TYPES = {1: "bool", 10: "float16", 11: "float32", 12: "float64", 21: "int8", 22: "int16", 23: "int32", 24: "int64"}
_TYPES |= {31: "uint8", 32: "uint16"}
_PACKED = {1: "float32", 2: "int32", 5: "int64", 6: "float64"}
"""Field of an immediate tensor -> how its numbers are packed; 7 has them as bytes of the tensor's own type."""
_BYTES = 7


@dataclass(frozen=True)
class MilTensor:
    """One stored tensor: `values` are empty where its type is none that numpy has."""

    name: str
    dtype: str
    values: np.ndarray


class MilCall(NamedTuple):
    """One operation that computes: its name in Core ML's language, name of an input -> names read, names of outputs."""

    name: str
    inputs: Mapping[str, tuple[str, ...]]
    outputs: tuple[str, ...]


class MilProgram(NamedTuple):
    """Calls in order, and stored tensors by name."""

    calls: tuple[MilCall, ...]
    stored: Mapping[str, MilTensor]


def read_program(payload: bytes) -> MilProgram:
    """The one function of the program in a Core ML payload.

    Raises:
        MalformedBufferError: a part is missing or damaged.
    """
    files = read_files(payload)
    if _MODEL not in files:
        msg = f"a Core ML payload without {_MODEL}"
        raise MalformedBufferError(msg)
    functions = mapping(message(read_message(files[_MODEL]), _PROGRAM), 2)
    if len(functions) != 1:
        msg = f"a Core ML payload with {len(functions)} functions, expected one"
        raise MalformedBufferError(msg)
    function = next(iter(functions.values()))
    block = mapping(function, 3).get(text(function, 2), {})
    calls: list[MilCall] = []
    stored: dict[str, MilTensor] = {}
    for operation in messages(block, 3):
        outputs = tuple(text(one, 1) for one in messages(operation, 3))
        if text(operation, 1) == "const":
            value = mapping(operation, 5).get("val", {})
            stored |= {name: _tensor(name, value, files.get(_WEIGHTS, b"")) for name in outputs}
        else:
            calls.append(MilCall(text(operation, 1), _inputs(operation), outputs))
    return MilProgram(tuple(calls), stored)


def _inputs(operation: Message) -> dict[str, tuple[str, ...]]:
    given = mapping(operation, 2)
    return {key: tuple(text(one, 1) for one in messages(argument, 1)) for key, argument in given.items()}


def _tensor(name: str, value: Message, weights: bytes) -> MilTensor:
    """A tensor whose values lie in the program itself, or in the file of weights."""
    kind = message(message(value, 2), 1)
    dtype = _TYPES.get(whole(kind, 1), f"type {whole(kind, 1)}")
    shape = [whole(message(dimension, 1), 1) for dimension in messages(kind, 3)]
    count = int(np.prod(shape, dtype=np.int64))
    if dtype not in _TYPES.values():
        return MilTensor(name, dtype, np.empty(0))
    blob = message(value, 5)
    values = _from_blob(weights, whole(blob, 2), dtype) if blob else _immediate(message(message(value, 3), 1), dtype)
    if values.size != count:
        if blob:
            msg = f"tensor {name!r} has {values.size} numbers in {_WEIGHTS}, its shape {shape} has {count}"
            raise MalformedBufferError(msg)
        return MilTensor(name, dtype, np.empty(0))  # a text, or one number for all
    return MilTensor(name, dtype, values.reshape(shape))


def _from_blob(weights: bytes, place: int, dtype: str) -> np.ndarray:
    if place + _BLOB.size > len(weights):
        msg = f"a tensor is said to lie at byte {place} of {_WEIGHTS}, which has {len(weights)}"
        raise MalformedBufferError(msg)
    sentinel, _, size, start = _BLOB.unpack_from(weights, place)
    if sentinel != _SENTINEL or start + size > len(weights) or size % np.dtype(dtype).itemsize:
        msg = f"{_WEIGHTS} has no tensor at byte {place}"
        raise MalformedBufferError(msg)
    return np.frombuffer(weights[start : start + size], dtype)


def _immediate(tensor: Message, dtype: str) -> np.ndarray:
    for number, packed in (*_PACKED.items(), (_BYTES, dtype)):
        if number not in tensor:
            continue
        data = b"".join(one for one in message(tensor, number).get(1, []) if isinstance(one, bytes))
        if packed in ("int32", "int64") or len(data) % np.dtype(packed).itemsize:
            return np.empty(0)  # numbers of variable length: axes and sizes, which nothing here asks for
        return np.frombuffer(data, packed).astype(dtype)
    return np.empty(0)
