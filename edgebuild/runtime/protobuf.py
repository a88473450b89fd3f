"""Messages of Protocol Buffers read without their schema: numbers of fields and their raw values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from edgebuild.runtime.executorch_flatbuffer import MalformedBufferError

Message = dict[int, list[int | bytes]]
"""Number of a field -> its values in order: whole numbers, or the bytes of a text, a message or packed numbers."""

_VARINT, _DELIMITED = 0, 2
FIXED: Mapping[int, int] = MappingProxyType({1: 8, 5: 4})
"""Kind of encoding -> bytes that a number of it takes, whatever its value."""
_LONGEST_VARINT = 10


def read_message(data: bytes) -> Message:
    """The fields of one message; errors as of `raw_fields`."""
    fields: Message = {}
    for number, _, value in raw_fields(data):
        fields.setdefault(number, []).append(value)
    return fields


def raw_fields(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """(number of the field, kind of its encoding, value) in order; groups are not read.

    Raises:
        MalformedBufferError: the message is cut off, or none.
    """
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        kind = tag & 7
        if kind == _VARINT:
            value: int | bytes
            value, place = _varint(data, place)
        elif kind in (_DELIMITED, *FIXED):
            size, place = _varint(data, place) if kind == _DELIMITED else (FIXED[kind], place)
            value, place = data[place : place + size], place + size
        else:
            msg = f"a protobuf message has a field of kind {kind}"
            raise MalformedBufferError(msg)
        if place > len(data):
            msg = f"a protobuf message ends at byte {place} of {len(data)}"
            raise MalformedBufferError(msg)
        yield tag >> 3, kind, value


def message(fields: Message, number: int) -> Message:
    """The last message in a field; an empty one where there is none."""
    return messages(fields, number)[-1] if number in fields else {}


def messages(fields: Message, number: int) -> list[Message]:
    """Every message of a field."""
    return [read_message(as_bytes(value)) for value in fields.get(number, [])]


def text(fields: Message, number: int) -> str:
    """The last text in a field, or an empty one."""
    return as_bytes(fields[number][-1]).decode(errors="replace") if number in fields else ""


def whole(fields: Message, number: int) -> int:
    """The last whole number in a field, or 0."""
    value = fields[number][-1] if number in fields else 0
    if not isinstance(value, int):
        msg = f"field {number} of a protobuf message is no whole number"
        raise MalformedBufferError(msg)
    return value


def mapping(fields: Message, number: int) -> dict[str, Message]:
    """A field of type map<string, message>."""
    return {text(entry, 1): message(entry, 2) for entry in messages(fields, number)}


def as_bytes(value: int | bytes) -> bytes:
    """A value that is no number.

    Raises:
        MalformedBufferError: it is one.
    """
    if isinstance(value, bytes):
        return value
    msg = f"a protobuf message has the number {value} in the place of bytes"
    raise MalformedBufferError(msg)


def _varint(data: bytes, place: int) -> tuple[int, int]:
    number = 0
    for position, byte in enumerate(data[place : place + _LONGEST_VARINT]):
        number |= (byte & 0x7F) << (7 * position)
        if byte < 0x80:
            return number, place + position + 1
    msg = f"a protobuf message has no end of a number at byte {place}"
    raise MalformedBufferError(msg)
