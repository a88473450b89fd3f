"""Which function an address of a running program lies in, by its 64-bit ELF files (System V ABI, chapter 4)."""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from edgebuild.device.qemu_profile import MappedFile

_HEAD = b"\x7fELF\x02\x01"
_SYMBOL_TABLES = (2, 11)
_FUNCTIONS = (2, 10)
_LOADED = 1


def function_at(address: int, files: Sequence[MappedFile]) -> tuple[str, str]:
    """(name of the file, name of the function) at an address; `+0x…` for a name that the file does not have.

    Args:
        address: in the running program.
        files: what was mapped, and where.
    """
    for one in files:
        if one.start <= address < one.end:
            place = _in_memory(Path(one.path), address - one.start + one.offset)
            return Path(one.path).name, _name(Path(one.path), place) or f"+0x{place:x}"
    return "", f"0x{address:x}"


@cache
def _content(file: Path) -> bytes:
    try:
        data = file.read_bytes()
    except OSError:
        return b""
    return data if data[:6] == _HEAD else b""


@cache
def _segments(file: Path) -> tuple[tuple[int, int, int], ...]:
    """(offset in the file, address, bytes) of what is loaded."""
    data = _content(file)
    if not data:
        return ()
    (offset,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    found = []
    for number in range(count):
        kind, _, start, address, _, length = struct.unpack_from("<IIQQQQ", data, offset + number * size)
        if kind == _LOADED:
            found.append((start, address, length))
    return tuple(found)


def _in_memory(file: Path, offset: int) -> int:
    """The address that a place in the file is linked to; the place itself where the file is no program."""
    for start, address, length in _segments(file):
        if start <= offset < start + length:
            return offset - start + address
    return offset


@cache
def _functions(file: Path) -> tuple[list[int], list[tuple[int, str]]]:
    """First addresses, sorted, and (first address after it, name) of each function."""
    data = _content(file)
    found: dict[int, tuple[int, str]] = {}
    if data:
        (offset,) = struct.unpack_from("<Q", data, 40)
        size, count = struct.unpack_from("<HH", data, 58)
        headers = [struct.unpack_from("<IIQQQQIIQQ", data, offset + number * size) for number in range(count)]
        for _, kind, _, _, start, length, link, _, _, entry in headers:
            if kind not in _SYMBOL_TABLES:
                continue
            names = headers[link][4]
            for place in range(start, start + length, entry):
                name_at, info, _, _, address, extent = struct.unpack_from("<IBBHQQ", data, place)
                if info & 0xF in _FUNCTIONS and extent:
                    name = data[names + name_at : data.index(b"\0", names + name_at)].decode(errors="replace")
                    found.setdefault(address, (address + extent, name))
    starts = sorted(found)
    return starts, [found[start] for start in starts]


def _name(file: Path, address: int) -> str:
    starts, functions = _functions(file)
    place = bisect_right(starts, address) - 1
    if place < 0 or address >= functions[place][0]:
        return ""
    return functions[place][1]
