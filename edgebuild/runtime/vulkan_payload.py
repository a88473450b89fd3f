"""The payload of a Vulkan delegate: its graph as nested dicts, read with the schema that the wheel ships."""

from __future__ import annotations

import struct
from typing import Any

from edgebuild.runtime.executorch_file import schema
from edgebuild.runtime.executorch_flatbuffer import MalformedBufferError

BACKEND = "VulkanBackend"
_HEADER = struct.Struct("<4sHII")
_HEADER_AT = 4


def read_vulkan(payload: bytes) -> dict[str, Any]:
    """The root table `VkGraph`: `chain` of operator calls, `values` by position, ids of inputs and outputs.

    Raises:
        MalformedBufferError: it is no whole payload.
    """
    if len(payload) < _HEADER_AT + _HEADER.size:
        msg = f"a Vulkan payload of {len(payload)} bytes has no header"
        raise MalformedBufferError(msg)
    magic, _, start, size = _HEADER.unpack_from(payload, _HEADER_AT)
    if magic != b"VH00" or start + size > len(payload):
        msg = f"a Vulkan payload begins with {magic!r} and states {size} bytes at {start}, it has {len(payload)}"
        raise MalformedBufferError(msg)
    graph: dict[str, Any] = schema("backends/vulkan/serialization/schema.fbs").read(
        payload[start : start + size], "VkGraph", identifier="VK00"
    )
    return graph
