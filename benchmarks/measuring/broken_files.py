"""Ways to break a flatbuffer, chosen by a seed: the same seed breaks the same file in the same way."""

from __future__ import annotations

import random
import struct

_EXTREMES = (0, 1, 4, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def broken(data: bytes, seed: int) -> bytes:
    """A damaged copy of `data`."""
    choice = random.Random(seed)
    ways = (_flip, _point, _cut, _exchange, _overwrite)
    return choice.choice(ways)(bytearray(data), choice)


def _flip(data: bytearray, choice: random.Random) -> bytes:
    """Other bits in a few bytes, anywhere."""
    for _ in range(choice.choice((1, 4, 32, 256))):
        data[choice.randrange(len(data))] ^= 1 << choice.randrange(8)
    return bytes(data)


def _point(data: bytearray, choice: random.Random) -> bytes:
    """Other numbers where an offset or a length may stand: small values, which weights seldom are."""
    likely = [
        place
        for place in range(0, min(len(data), 1 << 16) - 4, 4)
        if 0 < struct.unpack_from("<I", data, place)[0] < len(data)
    ]
    for _ in range(choice.choice((1, 2, 8))):
        place = choice.choice(likely or [0])
        value = choice.choice((*_EXTREMES, choice.randrange(len(data)), place))
        struct.pack_into("<I", data, place, value)
    return bytes(data)


def _cut(data: bytearray, choice: random.Random) -> bytes:
    """Less of it."""
    return bytes(data[: choice.randrange(len(data))])


def _exchange(data: bytearray, choice: random.Random) -> bytes:
    """Two pieces in each other's place."""
    size = choice.randrange(4, max(min(4096, len(data) // 4), 5))
    first, second = (choice.randrange(len(data) - size) for _ in range(2))
    data[first : first + size], data[second : second + size] = (
        data[second : second + size],
        data[first : first + size],
    )
    return bytes(data)


def _overwrite(data: bytearray, choice: random.Random) -> bytes:
    """One byte repeated over a piece."""
    size = choice.randrange(1, 512)
    first = choice.randrange(len(data))
    data[first : first + size] = bytes([choice.choice((0, 1, 255))]) * len(data[first : first + size])
    return bytes(data)
