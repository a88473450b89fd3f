"""The payload of a Core ML delegate: a folder in one piece, and the list of operations that lies in it.

Layout, as ExecuTorch's Core ML backend writes it: the files one after the other, and at the end, backwards, a JSON
object that says where each of them lies.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from edgebuild.runtime.executorch_flatbuffer import MalformedBufferError

BACKEND = "CoreMLBackend"
_OPERATIONS = "executorch_debug_handle_mapping.json"
_CONSTANT = "const"


class MilOperation(NamedTuple):
    """One operation of the program: its name in Core ML's language, its output, the handle of the node it is from."""

    name: str
    output: str
    handle: str


def read_files(payload: bytes) -> dict[str, bytes]:
    """Name of each file (without its folders) -> its bytes.

    Raises:
        MalformedBufferError: it is no whole payload.
    """
    end = payload[: -(len(payload) + 1) : -1]
    try:
        about, _ = json.JSONDecoder().raw_decode(end.decode("latin-1"))
        found = {}
        for node in about["nodes"]:
            region = node.get("dataRegion") or {}
            place, size = int(region.get("offset", 0)), int(region.get("size", 0))
            if place + size > len(payload):
                msg = f"file {node['name']!r} ends at byte {place + size} of {len(payload)}"
                raise MalformedBufferError(msg)
            if node.get("kind") == 0:
                found[str(node["name"])] = payload[place : place + size]
        return found
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"a Core ML payload without a list of its files: {error}"
        raise MalformedBufferError(msg) from error


def read_operations(payload: bytes) -> tuple[MilOperation, ...]:
    """The operations that compute, in the order of the nodes that they are from; constants are left out.

    Raises:
        MalformedBufferError: the list is missing or damaged.
    """
    try:
        mapping: dict[str, Any] = json.loads(read_files(payload)[_OPERATIONS])["mapping"]
        found: dict[str, MilOperation] = {}
        for handle, paths in mapping.items():
            for path in paths:
                last = path[-1]
                if last["Type"] == "Operation" and last["Operator"] != _CONSTANT:
                    operation = MilOperation(str(last["Operator"]), str(last["Output"]), str(handle))
                    found.setdefault(operation.output, operation)
        return tuple(found.values())
    except (ValueError, KeyError, TypeError, IndexError) as error:
        msg = f"a Core ML payload without a list of its operations: {error}"
        raise MalformedBufferError(msg) from error
