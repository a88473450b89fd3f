"""The payload of an XNNPACK delegate: its graph as nested dicts, read with the schema that the wheel ships."""

from __future__ import annotations

import struct
from typing import Any

from edgebuild.runtime.executorch_file import PteFile, schema
from edgebuild.runtime.executorch_flatbuffer import MalformedBufferError

BACKEND = "XnnpackBackend"
_HEADER = struct.Struct("<4sHIIIQ")
_HEADER_AT = 4
_NO_OFFSET = 2**64 - 1


class XnnpackGraph:
    """One delegate's graph: `nodes` in order of execution, `values` by id, and their constants."""

    def __init__(self, file: PteFile, payload: bytes) -> None:
        """Read `payload`; constants may lie behind the graph or in the named data of `file`.

        Raises:
            MalformedBufferError: it is no whole XNNPACK payload.
        """
        self._file = file
        flatbuffer, self._constants = _split(payload)
        graph = schema("backends/xnnpack/serialization/schema.fbs").read(flatbuffer, "XNNGraph", identifier="XN01")
        self.version: str = graph["version"] or ""
        self.nodes: list[dict[str, Any]] = graph["xnodes"]
        self.input_ids: list[int] = graph["input_ids"]
        self.output_ids: list[int] = graph["output_ids"]
        self._places: list[dict[str, Any]] = graph["constant_data"]
        self.values: dict[int, dict[str, Any]] = {}
        for value in graph["xvalues"]:
            base = tensor_value(value)
            self.values[base["id_out"]] = value

    def constant(self, index: int) -> bytes:
        """The stored bytes of the constant `index` (0 means none)."""
        place = self._places[index]
        if place["named_key"]:
            return self._file.named(place["named_key"])[: place["size"]]
        if place["offset"] == _NO_OFFSET:
            msg = f"constant {index} has neither an offset nor a name"
            raise MalformedBufferError(msg)
        return self._constants[place["offset"] : place["offset"] + place["size"]]


def tensor_value(value: dict[str, Any]) -> dict[str, Any]:
    """The plain tensor of a value, quantized or not: datatype, dims, constant_buffer_idx, id_out, flags."""
    inner: dict[str, Any] = value["xvalue_union"]
    base: dict[str, Any] = inner.get("tensor_value", inner)
    return base


def node_inputs(node: dict[str, Any]) -> list[int]:
    """Ids of the values that a node reads, its weights included."""
    body = node["xnode_union"]
    keys = [key for key in body if key.endswith("_id") and not key.startswith("output")]
    return [body[key] for key in keys if body[key] != _invalid(node, key)]


def node_outputs(node: dict[str, Any]) -> list[int]:
    """Ids of the values that a node writes."""
    body = node["xnode_union"]
    return [body[key] for key in body if key.startswith("output") and key.endswith("_id")]


def _invalid(node: dict[str, Any], key: str) -> int:
    """The id that says "no value" in this field: a concatenation of two leaves its further inputs 0."""
    kind = node["xnode_union_type"]
    if kind.startswith("XNNConcatenate") and int(key[5:-3]) > int(kind[-1]):
        return int(node["xnode_union"][key])
    return 2**32 - 1


def _split(payload: bytes) -> tuple[bytes, bytes]:
    """The flatbuffer and the constants behind it."""
    if len(payload) < _HEADER_AT + _HEADER.size:
        msg = f"XNNPACK payload has {len(payload)} bytes"
        raise MalformedBufferError(msg)
    magic, _length, offset, size, constants, constants_size = _HEADER.unpack_from(payload, _HEADER_AT)
    if magic != b"XH00":
        msg = f"XNNPACK header is {magic!r}, expected b'XH00'"
        raise MalformedBufferError(msg)
    return payload[offset : offset + size], payload[constants : constants + constants_size]
