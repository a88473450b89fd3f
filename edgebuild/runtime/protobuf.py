"""Messages of Protocol Buffers read without their schema: numbers of fields and their raw values."""

from __future__ import annotations

from edgebuild.runtime.executorch_flatbuffer import MalformedBufferError

Message = dict[int, list[int | bytes]]
"""Number of a field -> its values in order: whole numbers, or the bytes of a text, a message or packed numbers."""

_VARINT, _EIGHT, _DELIMITED, _FOUR = 0, 1, 2, 5
_LONGEST_VARINT = 10


def read_message(data: bytes) -> Message:
    """The fields of one message.

    Raises:
        MalformedBufferError: it is cut off, or no message.
    """
    fields: Message = {}
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        kind = tag & 7
        if kind == _VARINT:
            value: int | bytes
            value, place = _varint(data, place)
        elif kind == _DELIMITED:
            size, place = _varint(data, place)
            value, place = data[place : place + size], place + size
        elif kind in (_EIGHT, _FOUR):
            size = 8 if kind == _EIGHT else 4
            value, place = data[place : place + size], place + size
        else:
            msg = f"a protobuf message has a field of kind {kind}"
            raise MalformedBufferError(msg)
        if place > len(data):
            msg = f"a protobuf message ends at byte {place} of {len(data)}"
            raise MalformedBufferError(msg)
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def message(fields: Message, number: int) -> Message:
    """The last message in a field; an empty one where there is none."""
    return messages(fields, number)[-1] if number in fields else {}


def messages(fields: Message, number: int) -> list[Message]:
    """Every message of a field."""
    return [read_message(_bytes(value)) for value in fields.get(number, [])]


def text(fields: Message, number: int) -> str:
    """The last text in a field, or an empty one."""
    return _bytes(fields[number][-1]).decode(errors="replace") if number in fields else ""


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


def _bytes(value: int | bytes) -> bytes:
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
