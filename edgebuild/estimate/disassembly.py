"""Reading what objdump says of a program: one instruction per address."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINE = re.compile(r"^\s*([0-9a-f]+):\t((?:[0-9a-f]{4} ?|[0-9a-f]{8} ?)+)\s*\t(\S+)\s*(.*)$")
_FUNCTION = re.compile(r"^([0-9a-f]+) <(.+)>:$")
_TARGET = re.compile(r"\b([0-9a-f]+) <")


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes:
        address: where it stands.
        size: bytes.
        mnemonic: lower case, with the width (`.w`) as objdump prints it.
        operands: the rest, comments included.
        function: the symbol it stands under.
        starts_function: True for the first instruction of a symbol.
    """

    address: int
    size: int
    mnemonic: str
    operands: str
    function: str
    starts_function: bool

    @property
    def following(self) -> int:
        """The address after it."""
        return self.address + self.size

    @property
    def target(self) -> int | None:
        """The address that it names as `8000 <symbol+0x10>`: where a direct branch goes."""
        found = _TARGET.search(self.operands)
        return int(found[1], 16) if found else None


def parse_disassembly(text: str) -> list[Instruction]:
    """Parse the output of `objdump -d`, in order; lines that are no instructions are left out."""
    found: list[Instruction] = []
    function, start = "", True
    for line in text.splitlines():
        head = _FUNCTION.match(line)
        if head is not None:
            function, start = head[2], True
            continue
        one = _LINE.match(line)
        if one is not None and not one[3].startswith("."):
            size = len(one[2].replace(" ", "")) // 2
            found.append(Instruction(int(one[1], 16), size, one[3].lower(), one[4], function, start))
            start = False
    return found
