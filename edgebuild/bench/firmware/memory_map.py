"""Where the bytes of a firmware went, read from the map that GNU ld writes: model, library and harness told apart."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

Owner = Literal["model", "library", "harness"]

_MAP_BEGINS = "Linker script and memory map"
_OUTPUT = re.compile(r"^(\.[\w.]+)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)")
_INPUT = re.compile(r"^ (\.[\w.$]+|COMMON)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)\s+(\S.*)$")
_NAME_ALONE = re.compile(r"^ ?(\.[\w.$]+|COMMON)$")

_CODE = (".vectors", ".text", ".ARM.exidx")
_CONSTANTS = (".rodata", ".data")
_STATICS = (".data", ".bss")
_SECTIONS = (*_CODE, *_CONSTANTS, *_STATICS, ".arena")


@dataclass(frozen=True)
class Piece:
    """What one object file put into one section of the firmware."""

    section: str
    address: int
    size: int
    owner: Owner


@dataclass(frozen=True)
class FlashMap:
    """Bytes of flash; they add up to `total`, which is what the linker placed there.

    Attributes:
        model_code, model_constants: of the compiled model: instructions; weights, tables and initial values.
        library: of the C library and the compiler's, called by the model: the harness calls none of it.
        harness: vectors, start and semihosting, which a product replaces by its own.
        padding: between the pieces, for alignment.
    """

    model_code: int
    model_constants: int
    library: int
    harness: int
    padding: int

    @property
    def total(self) -> int:
        """Everything."""
        return self.model + self.harness + self.padding

    @property
    def model(self) -> int:
        """What the model brings into any firmware: its code, its constants and the library functions it calls."""
        return self.model_code + self.model_constants + self.library


@dataclass(frozen=True)
class RamMap:
    """Bytes of RAM that the linker placed.

    Attributes:
        arena: of the model: activations and scratch memory.
        statics: variables of the model and the library.
        harness: variables of the harness.
        stack_reserved: what the stack may grow to; how much it did is measured.
    """

    arena: int
    statics: int
    harness: int
    stack_reserved: int


def read_pieces(text: str, model_objects: Collection[str], harness_objects: Collection[str]) -> list[Piece]:
    """Read the pieces from a linker map; objects are named as they were given to the linker."""
    owners: dict[str, Owner] = {**dict.fromkeys(model_objects, "model"), **dict.fromkeys(harness_objects, "harness")}
    pieces: list[Piece] = []
    section = ""
    for line in _whole_lines(text):
        output = _OUTPUT.match(line)
        given = _INPUT.match(line)
        if output is not None:
            section = output[1]
        if output is not None and section == ".stack":
            pieces.append(Piece(section, int(output[2], 16), int(output[3], 16), "harness"))
        elif given is not None and section in _SECTIONS and int(given[3], 16):
            pieces.append(Piece(section, int(given[2], 16), int(given[3], 16), owners.get(given[4], "library")))
    return pieces


def _whole_lines(text: str) -> Iterable[str]:
    """The lines of the map proper; a long name, which stands on a line of its own, joined to what follows."""
    lines = iter(text.partition(_MAP_BEGINS)[2].splitlines())
    for line in lines:
        yield f"{line} {next(lines, '').strip()}" if _NAME_ALONE.match(line) else line


def flash_map(pieces: Iterable[Piece], used: int) -> FlashMap:
    """What is in flash, of which the linker used so many bytes."""
    in_flash = [piece for piece in pieces if piece.section in (*_CODE, *_CONSTANTS)]

    def owned(owner: Owner, sections: Collection[str] = (*_CODE, *_CONSTANTS)) -> int:
        return sum(piece.size for piece in in_flash if piece.owner == owner and piece.section in sections)

    return FlashMap(
        model_code=owned("model", _CODE),
        model_constants=owned("model", _CONSTANTS),
        library=owned("library"),
        harness=owned("harness"),
        padding=used - sum(piece.size for piece in in_flash),
    )


def ram_map(pieces: Iterable[Piece]) -> RamMap:
    """What is in RAM."""
    sizes = {"arena": 0, "statics": 0, "harness": 0, "stack": 0}
    for piece in pieces:
        if piece.section == ".arena":
            sizes["arena"] += piece.size
        elif piece.section == ".stack":
            sizes["stack"] += piece.size
        elif piece.section in _STATICS:
            sizes["harness" if piece.owner == "harness" else "statics"] += piece.size
    return RamMap(sizes["arena"], sizes["statics"], sizes["harness"], sizes["stack"])


def code_ranges(pieces: Iterable[Piece], owners: Collection[Owner]) -> list[range]:
    """The addresses of the instructions of some owners."""
    return [
        range(piece.address, piece.address + piece.size)
        for piece in pieces
        if piece.section in _CODE and piece.owner in owners
    ]
