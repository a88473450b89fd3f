"""Packing a file into a container, and the way back: byte for byte, or an error."""

from __future__ import annotations

import hashlib
import zlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from edgebuild.errors import ConfigError
from edgebuild.package.container.arithmetic import BitCoder, Decoder, Encoder
from edgebuild.package.container.codings import Bytes, Symbols, code_planes
from edgebuild.package.container.regions import Region, find_regions
from edgebuild.package.container.spans import (
    LARGEST_FILE,
    SLOT_BITS,
    Coding,
    Head,
    Span,
    damaged,
    read_head,
    write_head,
)
from edgebuild.package.container.write import read_file

SUFFIX = ".ebz"

_TRIED = 1 << 16
"""Bytes of a tensor up to which every way is tried on the whole of it, on its first part beyond."""

_TRIAL_BITS = 16

_SHORT = 1 << 14
"""Bytes of a tensor up to which it may be coded like what lies around it."""

_FEW = 64
"""Letters up to which an alphabet is worth its time also for a large tensor in which none of them is frequent."""

_MIXED = 1 << 17
"""Bytes of one stretch between tensors up to which mixing many contexts is worth its time."""


def pack_file(file: Path) -> bytes:
    """The container of `file`; the same bytes give the same container.

    Raises:
        ConfigError: the file is missing, empty or larger than 2 GiB, or has the suffix of a format and is damaged.
    """
    data = read_file(file)
    if not 0 < len(data) <= LARGEST_FILE:
        msg = f"{file}: has {len(data)} bytes, expected 1 to {LARGEST_FILE}"
        raise ConfigError(msg)
    spans = _spans(data, find_regions(file, data))
    mixed = sum(span.bytes for span in spans if span.coding == Coding.BYTES)
    bits = min(max((16 * mixed).bit_length(), SLOT_BITS.start), SLOT_BITS.stop - 1)
    head = Head(len(data), zlib.crc32(data), hashlib.sha256(data).digest(), bits, tuple(spans))
    encoder = Encoder()
    _code(encoder, spans, bits, bytearray(data))
    return write_head(head) + encoder.finish()


def unpack(container: bytes, label: str = "the container") -> bytes:
    """The file that was packed.

    Raises:
        ConfigError: `container` (called `label`) is no container, or damaged.
    """
    head, length = read_head(container, label)
    data = bytearray(head.size)
    _code(Decoder(container[length:]), head.spans, head.bits, data)
    if hashlib.sha256(data).digest() != head.sha256:
        raise damaged(label, "what it unpacks to has another SHA-256 than the file that was packed")
    return bytes(data)


def _code(coder: BitCoder, spans: Iterable[Span], bits: int, data: bytearray) -> None:
    """Code every span; a decoder fills `data`."""
    start, mixed = 0, Bytes(bits)
    for span in spans:
        if span.coding == Coding.BYTES:
            mixed.code(coder, data, start, start + span.bytes)
        elif span.coding == Coding.PLANES:
            code_planes(coder, data, start, start + span.bytes, span.width)
        else:
            Symbols(list(span.alphabet), span.stride).code(coder, data, start, span.count)
        start += span.bytes


def _spans(data: bytes, regions: Iterable[Region]) -> list[Span]:
    spans: list[Span] = []
    start = 0
    for region in regions:
        spans += _between(region.start - start)
        spans.append(_best(data[region.start : region.end], region))
        start = region.end
    spans += _between(len(data) - start)
    return spans


def _between(count: int) -> list[Span]:
    """What lies between tensors; a format that nobody reads for us is one such stretch."""
    if not count:
        return []
    return [Span(Coding.BYTES, count) if count <= _MIXED else Span(Coding.PLANES, count)]


def _best(tensor: bytes, region: Region) -> Span:
    """The span with the smallest code, of equal ones the first; judged by a part of a large tensor."""
    ways = _ways(tensor, region)
    return ways[0] if len(ways) == 1 else min(ways, key=lambda span: _cost(tensor, span))


def _ways(tensor: bytes, region: Region) -> list[Span]:
    width = region.width if len(tensor) % region.width == 0 else 1
    count = len(tensor) // width
    planes = Span(Coding.PLANES, count, width)
    letters = Counter(tensor[place : place + width] for place in range(0, len(tensor), width))
    short = [Span(Coding.BYTES, len(tensor))] if len(tensor) <= _SHORT else []
    slow = len(letters) > _FEW and len(tensor) > _TRIED and 2 * max(letters.values()) < count
    if len(letters) > 256 or slow:
        return [planes, *short]
    first = min(letters, key=lambda letter: (-letters[letter], letter))
    alphabet = (first, *sorted(set(letters) - {first}, key=lambda letter: _value(letter)))
    return [*(Span(Coding.SYMBOLS, count, width, stride, alphabet) for stride in (0, *region.strides)), planes, *short]


def _value(letter: bytes) -> int:
    """Letters of nearly equal numbers become neighbours."""
    return int.from_bytes(letter, "little", signed=len(letter) == 1)


def _cost(tensor: bytes, span: Span) -> int:
    """Bytes of the code and of the alphabet."""
    numbers = min(span.count, _TRIED // span.width)
    part = Span(span.coding, numbers, span.width, span.stride, span.alphabet)
    encoder = Encoder()
    _code(encoder, [part], _TRIAL_BITS, bytearray(tensor[: part.bytes]))
    return len(encoder.finish()) + span.width * len(span.alphabet)
