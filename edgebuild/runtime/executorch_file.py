"""What stands in a .pte file, read without torch: the program, its segments and our own metadata.

Layout of the file: a flatbuffer (ET12) whose bytes 8.. carry an extended header (`eh00`) with the size of the
flatbuffer and the place of the segments behind it (delegate payloads, constants, named data).
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebuild.errors import ConfigError, ToolError
from edgebuild.runtime.executorch_flatbuffer import MalformedBufferError, Schema
from edgebuild.runtime.installed import installed_version

METADATA_METHOD = "edgebuild_metadata"
"""Name of the constant method whose string value is our JSON."""

DTYPES = {
    "BYTE": "uint8",
    "CHAR": "int8",
    "SHORT": "int16",
    "INT": "int32",
    "LONG": "int64",
    "HALF": "float16",
    "FLOAT": "float32",
    "DOUBLE": "float64",
    "BOOL": "bool",
    "BFLOAT16": "bfloat16",
}
"""Type of a tensor, in the schema's words -> in numpy's and PyTorch's."""

_HEADER = struct.Struct("<4sIQQQ")
_HEADER_AT = 8
INSTALL = "pip install executorch==1.5.1"


def executorch_version() -> str | None:
    """Version of the installed executorch distribution, or None; imports nothing."""
    return installed_version("executorch")


def executorch_folder() -> Path:
    """Folder of the installed executorch package, found without importing it.

    Raises:
        ToolError: it is not installed.
    """
    spec = importlib.util.find_spec("executorch")
    if spec is None or not spec.submodule_search_locations:
        msg = "the package executorch is not installed"
        raise ToolError(msg, remedy=INSTALL)
    return Path(next(iter(spec.submodule_search_locations)))


@functools.cache
def schema(*relative: str) -> Schema:
    """The schema in files of the installed package; those that others include come first."""
    folder = executorch_folder()
    return Schema.parse(tuple((folder / name).read_text() for name in relative))


@dataclass(frozen=True)
class PteFile:
    """One .pte file: its program as nested dicts and the bytes of its segments.

    Attributes:
        program: root table of `program.fbs`.
        segments: delegate payloads, constants and named data, in file order.
    """

    path: Path
    size: int
    program: dict[str, Any]
    segments: tuple[bytes, ...]

    def plan(self, name: str) -> dict[str, Any] | None:
        """The method called `name`, or None."""
        return next((plan for plan in self.program["execution_plan"] if plan["name"] == name), None)

    def forward(self) -> dict[str, Any]:
        """The method `forward`.

        Raises:
            ConfigError: the file has none.
        """
        plan = self.plan("forward")
        if plan is None:
            names = ", ".join(item["name"] for item in self.program["execution_plan"]) or "none"
            msg = f"{self.path}: no method 'forward' in the file; methods: {names}"
            raise ConfigError(msg, remedy="export the model with `edgebuild build`")
        return plan

    def payload(self, delegate: dict[str, Any]) -> bytes:
        """The bytes of one delegate of a method."""
        reference = delegate["processed"]
        index: int = reference["index"]
        if reference["location"] == "SEGMENT":
            return self.segments[index]
        return bytes(self.program["backend_delegate_data"][index]["data"])

    def named(self, key: str) -> bytes:
        """The named data `key`, where delegates keep their constants."""
        for item in self.program["named_data"]:
            if item["key"] == key:
                index: int = item["segment_index"]
                return self.segments[index]
        msg = f"named data {key!r} is missing"
        raise MalformedBufferError(msg)

    def constant(self, index: int, size: int) -> bytes:
        """The constant buffer `index` (0 means none) of `size` bytes."""
        segment = self.program["constant_segment"]
        if segment and segment["offsets"]:
            start: int = segment["offsets"][index]
            place: int = segment["segment_index"]
            return self.segments[place][start : start + size]
        return bytes(self.program["constant_buffer"][index]["storage"])

    def metadata(self) -> dict[str, Any]:
        """The JSON that the export put into the file; empty where another tool made it."""
        plan = self.plan(METADATA_METHOD)
        if plan is None:
            return {}
        value = plan["values"][plan["outputs"][0]]
        return dict(json.loads(value["val"]["string_val"])) if value["val_type"] == "String" else {}


class Views:
    """Which tensor of a plan another one is a view of: the program has no operation for that, both have one place.

    Say in order what is written; what is read without having been written is the last that was written there.
    """

    def __init__(self, plan: dict[str, Any]) -> None:
        self._values = plan["values"]
        self._written: set[int] = set()
        self._last: dict[tuple[int, ...], int] = {}

    def write(self, index: int) -> None:
        """A tensor got its numbers: as an input, or as a result."""
        self._written.add(index)
        place = self._place(index)
        if place is not None:
            self._last[place] = index

    def source(self, index: int) -> int:
        """The tensor whose numbers a reader of `index` sees: itself, or what it is a view of."""
        place = None if index in self._written else self._place(index)
        return index if place is None else self._last.get(place, index)

    def _place(self, index: int) -> tuple[int, ...] | None:
        """Memory, offset and size; None for what is planned nowhere, or no tensor."""
        value = self._values[index]
        planned = value["val"].get("allocation_info") if value["val_type"] == "Tensor" else None
        if planned is None:
            return None
        keys = ("memory_id", "memory_offset_low", "memory_offset_high")
        return (*(planned[key] for key in keys), math.prod(value["val"]["sizes"]))


def read_pte(path: Path) -> PteFile:
    """Read the program of a .pte file.

    Raises:
        ConfigError: the file is missing, or it is not a whole .pte file.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise ConfigError(msg) from None
    program_schema = schema("schema/scalar_type.fbs", "schema/program.fbs")
    try:
        program = program_schema.read(data, "Program", identifier="ET12")
        return PteFile(path, len(data), program, _segments(data, program))
    except MalformedBufferError as error:
        raise broken(path, str(error)) from None


def broken(path: Path, reason: str) -> ConfigError:
    """The error for a file that is not a whole .pte file."""
    msg = f"{path}: not a readable ExecuTorch program: {reason}; expected a whole .pte file"
    return ConfigError(msg, remedy="build it again; `edgebuild cache verify` finds damaged artifacts")


def _segments(data: bytes, program: dict[str, Any]) -> tuple[bytes, ...]:
    if not program["segments"]:
        return ()
    magic, _length, _program_size, base, _total = _HEADER.unpack_from(data, _HEADER_AT)
    if magic != b"eh00":
        msg = f"extended header is {magic!r}, expected b'eh00'"
        raise MalformedBufferError(msg)
    parts = []
    for index, segment in enumerate(program["segments"]):
        start = base + segment["offset"]
        part = data[start : start + segment["size"]]
        if len(part) != segment["size"]:
            msg = f"segment {index} needs {segment['size']} bytes, {len(part)} are there"
            raise MalformedBufferError(msg)
        parts.append(part)
    return tuple(parts)
