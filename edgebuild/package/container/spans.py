"""The head of a container: what the file is, and how each span of it is coded."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from edgebuild.errors import ConfigError

MAGIC = b"EBZ"
VERSION = 1
LARGEST_FILE = (1 << 31) - 1
_FIXED = struct.Struct("<3sBII32sB")
SLOT_BITS = range(12, 19)
"""Of the number of slots for the bytes between tensors."""
_SPANS = 1 << 16


class Coding(IntEnum):
    """How the bytes of a span are coded (`edgebuild.package.container.codings`)."""

    BYTES = 0
    PLANES = 1
    SYMBOLS = 2


@dataclass(frozen=True)
class Span:
    """Neighbouring bytes of the file that are coded in one way.

    Attributes:
        count: numbers in it.
        width: bytes of a number: 1, 2 or 4; 1 for BYTES.
        stride: numbers in a row, 0 where there are no rows; for SYMBOLS only.
        alphabet: every number that occurs, the most frequent first, the others rising; for SYMBOLS only.
    """

    coding: Coding
    count: int
    width: int = 1
    stride: int = 0
    alphabet: tuple[bytes, ...] = ()

    @property
    def bytes(self) -> int:
        """Length in the file."""
        return self.count * self.width


@dataclass(frozen=True)
class Head:
    """Everything before the coded bits; `bits` is the logarithm of the number of slots of `BYTES`."""

    size: int
    crc32: int
    sha256: bytes
    bits: int
    spans: tuple[Span, ...]


def write_head(head: Head) -> bytes:
    """The head as bytes."""
    found = bytearray(_FIXED.pack(MAGIC, VERSION, head.size, head.crc32, head.sha256, head.bits))
    found += _varint(len(head.spans))
    for span in head.spans:
        found.append(span.coding | span.width << 4)
        found += _varint(span.count)
        if span.coding == Coding.SYMBOLS:
            found += _varint(span.stride) + _varint(len(span.alphabet)) + b"".join(span.alphabet)
    return bytes(found)


def read_head(data: bytes, label: str) -> tuple[Head, int]:
    """The head and its length.

    Raises:
        ConfigError: `data` (called `label`) is no container, one of another version, or damaged.
    """
    if data[:3] != MAGIC:
        msg = f"{label} is not a container: found {data[:3]!r}, expected {MAGIC!r} at its start"
        raise ConfigError(msg, remedy="name a file that `edgebuild pack` made")
    if len(data) < _FIXED.size:
        raise damaged(label, f"it ends after {len(data)} bytes, in its head")
    _, version, size, crc32, sha256, bits = _FIXED.unpack_from(data)
    if version != VERSION:
        msg = f"{label} is a container of version {version}; this edgebuild reads version {VERSION}"
        raise ConfigError(msg, remedy="unpack it with the edgebuild that packed it, or pack the file again")
    reader = _Reader(data, _FIXED.size, label)
    spans = tuple(reader.span() for _ in range(reader.varint(_SPANS)))
    if bits not in SLOT_BITS:
        raise damaged(label, f"it asks for 2^{bits} slots")
    covered = sum(span.bytes for span in spans)
    if covered != size or size > LARGEST_FILE:
        raise damaged(label, f"its spans have {covered} bytes, its file {size}")
    return Head(size, crc32, sha256, bits, spans), reader.place


def damaged(label: str, found: str) -> ConfigError:
    """The error of a container that does not hold together."""
    return ConfigError(f"{label} is damaged: {found}", remedy="copy it again, or pack the file again")


class _Reader:
    def __init__(self, data: bytes, place: int, label: str) -> None:
        self.data, self.place, self.label = data, place, label

    def varint(self, largest: int) -> int:
        value = 0
        for shift in range(0, 35, 7):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
        if value > largest:
            raise damaged(self.label, f"a number in its head is {value}, at most {largest} can be")
        return value

    def take(self, count: int) -> bytes:
        found = self.data[self.place : self.place + count]
        if len(found) < count:
            raise damaged(self.label, "it ends in its head")
        self.place += count
        return found

    def span(self) -> Span:
        kind = self.take(1)[0]
        coding, width = kind & 15, kind >> 4
        if coding > max(Coding) or width not in (1, 2, 4) or (coding == Coding.BYTES and width != 1):
            raise damaged(self.label, f"it has a span of the unknown kind {kind}")
        count = self.varint(LARGEST_FILE)
        if coding != Coding.SYMBOLS:
            return Span(Coding(coding), count, width)
        stride, letters = self.varint(LARGEST_FILE), self.varint(256)
        if not letters:
            raise damaged(self.label, "it has an alphabet without letters")
        return Span(Coding.SYMBOLS, count, width, stride, tuple(self.take(width) for _ in range(letters)))


def _varint(value: int) -> bytes:
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
