"""What is read from a 32-bit little-endian ELF file: its symbols (System V ABI, chapter 4)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SYMBOL_TABLE = 2
_FUNCTION = 2
_LOADED = 1


@dataclass(frozen=True)
class Symbol:
    """A name, the address it stands for (without the bit that marks Thumb code), and the bytes it names."""

    name: str
    address: int
    size: int
    is_function: bool


def read_symbols(file: Path) -> list[Symbol]:
    """Return the symbols that have a name, in the order of the file."""
    data = file.read_bytes()
    assert data[:6] == b"\x7fELF\x01\x01", f"{file} is no 32-bit little-endian ELF file"
    (offset,) = struct.unpack_from("<I", data, 32)
    entry_bytes, entries = struct.unpack_from("<HH", data, 46)
    headers = [struct.unpack_from("<10I", data, offset + i * entry_bytes) for i in range(entries)]
    found: list[Symbol] = []
    for _, kind, _, _, start, length, link, _, _, size in headers:
        if kind == _SYMBOL_TABLE:
            found += _symbols(data, range(start, start + length, size), headers[link][4])
    return found


def read_content(file: Path, symbol: Symbol) -> bytes:
    """The bytes that a symbol names, from the segment that is loaded there."""
    data = file.read_bytes()
    (offset,) = struct.unpack_from("<I", data, 28)
    entry_bytes, entries = struct.unpack_from("<HH", data, 42)
    for entry in range(entries):
        kind, start, address, _, length = struct.unpack_from("<5I", data, offset + entry * entry_bytes)
        if kind == _LOADED and address <= symbol.address and symbol.address + symbol.size <= address + length:
            place = start + symbol.address - address
            return data[place : place + symbol.size]
    msg = f"{file}: {symbol.name} lies in no loaded segment"
    raise ValueError(msg)


def _symbols(data: bytes, places: range, names: int) -> Iterator[Symbol]:
    for place in places:
        name_at, value, size, info, _, _ = struct.unpack_from("<IIIBBH", data, place)
        name = data[names + name_at : data.index(b"\0", names + name_at)].decode()
        if name:
            is_function = info & 0xF == _FUNCTION
            yield Symbol(name, value & ~1 if is_function else value, size, is_function)
