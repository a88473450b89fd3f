"""Reads any flatbuffer by the text of its schema (.fbs), exactly and without generated code.

flatc prints floats with six decimals, which ruins quantization scales; this reader returns the stored bits.
It covers what the schemas of ExecuTorch use: tables, unions, enums, strings and vectors; no structs, no explicit ids.
Layout of the format: https://flatbuffers.dev/internals/.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

_SCALARS = {
    "bool": "?",
    "byte": "b",
    "int8": "b",
    "ubyte": "B",
    "uint8": "B",
    "short": "h",
    "int16": "h",
    "ushort": "H",
    "uint16": "H",
    "int": "i",
    "int32": "i",
    "uint": "I",
    "uint32": "I",
    "long": "q",
    "int64": "q",
    "ulong": "Q",
    "uint64": "Q",
    "float": "f",
    "float32": "f",
    "double": "d",
    "float64": "d",
}
_DEPTH_LIMIT = 64
_DECLARATION = re.compile(r"\b(table|union|enum)\s+(\w+)\s*(?::\s*(\w+)\s*)?\{(.*?)\}", re.DOTALL)
_FIELD = re.compile(r"(\w+)\s*:\s*(\[?)\s*([\w.]+)\s*\]?\s*(?:=\s*([-\w.]+))?\s*(?:\(([^)]*)\))?\s*;")


class MalformedBufferError(ValueError):
    """The bytes are not a flatbuffer of this schema."""


@dataclass(frozen=True)
class _Field:
    name: str
    type: str
    vector: bool
    slot: int
    default: Any


@dataclass
class Schema:
    """Tables, unions and enums of one or more schema texts."""

    tables: dict[str, list[_Field]] = field(default_factory=dict)
    unions: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    enums: dict[str, tuple[str, dict[int, str]]] = field(default_factory=dict)

    @staticmethod
    def parse(texts: Iterable[str]) -> Schema:
        """Read schema texts; those that others include come first."""
        schema = Schema()
        bodies: list[tuple[str, str]] = []
        for text in texts:
            bare = re.sub(r"//[^\n]*", "", text)
            for kind, name, base, body in _DECLARATION.findall(bare):
                if kind == "enum":
                    schema.enums[name] = (_SCALARS[base], _enum_values(body))
                elif kind == "union":
                    schema.unions[name] = _union_members(body)
                else:
                    bodies.append((name, body))
        for name, body in bodies:
            schema.tables[name] = schema._fields(body)
        return schema

    def read(self, data: bytes, root: str, *, identifier: str) -> dict[str, Any]:
        """Return the root table as nested dicts; a union field `u` comes with its member's name in `u_type`.

        Raises:
            MalformedBufferError: an offset leaves the data, or the file identifier is another one.
        """
        if data[4:8] != identifier.encode():
            msg = f"identifier is {data[4:8]!r}, expected {identifier.encode()!r}"
            raise MalformedBufferError(msg)
        try:
            return self._table(data, _unpack(data, "I", 0), root, 0)
        except (struct.error, UnicodeDecodeError, IndexError) as error:
            msg = f"broken offset or text: {error}"
            raise MalformedBufferError(msg) from None

    def _fields(self, body: str) -> list[_Field]:
        fields: list[_Field] = []
        slot = 0
        for name, vector, dotted, default, _attributes in _FIELD.findall(body):
            kind = dotted.rsplit(".", 1)[-1]
            if kind in self.unions:
                slot += 1
            fields.append(_Field(name, kind, bool(vector), slot, self._default(kind, default)))
            slot += 1
        return fields

    def _default(self, kind: str, text: str) -> Any:
        if kind in self.enums:
            values = self.enums[kind][1]
            return text or values.get(0, 0)
        if kind not in _SCALARS:
            return None
        if kind == "bool":
            return text == "true"
        return (float if _SCALARS[kind] in "fd" else int)(text or 0)

    def _table(self, data: bytes, position: int, kind: str, depth: int) -> dict[str, Any]:
        if depth > _DEPTH_LIMIT or position < 0:
            msg = "tables are nested without end"
            raise MalformedBufferError(msg)
        vtable = position - _unpack(data, "i", position)
        if vtable < 0:
            msg = "a table's layout lies before the file"
            raise MalformedBufferError(msg)
        size = _unpack(data, "H", vtable)

        def place(slot: int) -> int | None:
            entry = 4 + 2 * slot
            offset = _unpack(data, "H", vtable + entry) if entry < size else 0
            return position + offset if offset else None

        result: dict[str, Any] = {}
        for item in self.tables[kind]:
            where = place(item.slot)
            if item.type in self.unions:
                tag_at = place(item.slot - 1)
                tag = _unpack(data, "B", tag_at) if tag_at is not None else 0
                result[f"{item.name}_type"], result[item.name] = self._union(data, where, item.type, tag, depth)
            elif where is None:
                result[item.name] = [] if item.vector else item.default
            else:
                result[item.name] = self._value(data, where, item, depth)
        return result

    def _union(self, data: bytes, where: int | None, kind: str, tag: int, depth: int) -> tuple[str | None, Any]:
        if tag == 0 or where is None:
            return None, None
        if tag > len(self.unions[kind]):
            return f"{kind}#{tag}", None
        name, table = self.unions[kind][tag - 1]
        return name, self._table(data, where + _unpack(data, "I", where), table, depth + 1)

    def _value(self, data: bytes, where: int, item: _Field, depth: int) -> Any:
        if item.vector:
            return self._vector(data, where + _unpack(data, "I", where), item.type, depth)
        return self._element(data, where, item.type, depth)

    def _element(self, data: bytes, where: int, kind: str, depth: int) -> Any:
        if kind in _SCALARS:
            return _unpack(data, _SCALARS[kind], where)
        if kind in self.enums:
            code, names = self.enums[kind]
            raw = _unpack(data, code, where)
            return names.get(raw, raw)
        target = where + _unpack(data, "I", where)
        if kind == "string":
            return _slice(data, target + 4, _unpack(data, "I", target)).decode()
        return self._table(data, target, kind, depth + 1)

    def _vector(self, data: bytes, start: int, kind: str, depth: int) -> Any:
        count = _unpack(data, "I", start)
        if kind == "ubyte":
            return _slice(data, start + 4, count)
        code = _SCALARS.get(kind) or (self.enums[kind][0] if kind in self.enums else "I")
        width = struct.calcsize(code)
        _slice(data, start + 4, count * width)
        return [self._element(data, start + 4 + i * width, kind, depth) for i in range(count)]


def _enum_values(body: str) -> dict[int, str]:
    values: dict[int, str] = {}
    following = 0
    for part in filter(None, (piece.strip() for piece in body.split(","))):
        name, _, text = (piece.strip() for piece in part.partition("="))
        following = int(text) if text else following
        values[following] = name
        following += 1
    return values


def _union_members(body: str) -> list[tuple[str, str]]:
    members = []
    for part in filter(None, (piece.strip() for piece in body.split(","))):
        name, _, table = (piece.strip() for piece in part.partition(":"))
        members.append((name, table or name))
    return members


def _unpack(data: bytes, code: str, where: int) -> Any:
    if where < 0:
        msg = "an offset points before the file"
        raise MalformedBufferError(msg)
    return struct.unpack_from(f"<{code}", data, where)[0]


def _slice(data: bytes, start: int, size: int) -> bytes:
    if start + size > len(data):
        msg = f"{size} bytes at {start} end behind the file of {len(data)} bytes"
        raise MalformedBufferError(msg)
    return data[start : start + size]
