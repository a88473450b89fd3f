"""The payload of a Vulkan delegate: its graph as nested dicts, read with the schema that the wheel ships."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from edgebuild.runtime.executorch_file import schema
from edgebuild.runtime.executorch_flatbuffer import MalformedBufferError

BACKEND = "VulkanBackend"
_HEADER = struct.Struct("<4sHIIIQ")
_HEADER_AT = 4
_TYPES = ("bool", "uint8", "int8", "int32", "int64", "float16", "float32", "float64")


def read_vulkan(payload: bytes) -> dict[str, Any]:
    """The root table `VkGraph`: `chain` of operator calls, `values` by position, ids of inputs and outputs.

    Raises:
        MalformedBufferError: it is no whole payload.
    """
    if len(payload) < _HEADER_AT + _HEADER.size:
        msg = f"a Vulkan payload of {len(payload)} bytes has no header"
        raise MalformedBufferError(msg)
    magic, _, start, size, _, _ = _HEADER.unpack_from(payload, _HEADER_AT)
    if magic != b"VH00" or start + size > len(payload):
        msg = f"a Vulkan payload begins with {magic!r} and states {size} bytes at {start}, it has {len(payload)}"
        raise MalformedBufferError(msg)
    graph: dict[str, Any] = schema("backends/vulkan/serialization/schema.fbs").read(
        payload[start : start + size], "VkGraph", identifier="VK00"
    )
    return graph


def read_constants(payload: bytes, graph: dict[str, Any], named: Callable[[str], bytes]) -> dict[int, np.ndarray]:
    """Place among the graph's values -> the stored numbers; a type that numpy has not is left out.

    Args:
        payload: of the delegate.
        graph: as `read_vulkan` gives it.
        named: key -> the named data of the program, where constants lie that the payload does not have.

    Raises:
        MalformedBufferError: a constant is not as long as its shape says, or is missing.
    """
    start = _HEADER.unpack_from(payload, _HEADER_AT)[4]
    found: dict[int, np.ndarray] = {}
    for place, item in enumerate(graph["values"]):
        value = item["value"]
        if item["value_type"] != "VkTensor" or value["constant_id"] < 0:
            continue
        dtype, dims = str(value["datatype"]).lower(), [int(side) for side in value["dims"] or ()]
        if dtype not in _TYPES:
            continue
        region = graph["constants"][value["constant_id"]]
        key = region.get("named_key")
        size = int(region["length"])
        data = named(key) if key else payload[start + int(region["offset"]) :]
        count = int(np.prod(dims, dtype=np.int64))
        if len(data) < size or size < count * np.dtype(dtype).itemsize:
            msg = f"value {place} of a Vulkan payload has {min(len(data), size)} bytes, its shape {dims} needs more"
            raise MalformedBufferError(msg)
        found[place] = np.frombuffer(data[: count * np.dtype(dtype).itemsize], dtype).reshape(dims)
    return found
