"""The linker script of a target, and what the linker says of firmware that does not fit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from edgebuild.device.qemu_board import SystemBoard
from edgebuild.errors import BudgetError, ConfigError

NATIVE = Path(__file__).parent / "native"
VECTOR_BYTES = 64
_HARNESS_RAM, _CODE = 512, 12 * 1024
"""Bytes that are set aside: variables of the harness; its code and that of the model."""
LEAST_STACK = 256
"""B; what the harness itself needs, the report of a fault included."""
_OVERFLOWED = re.compile(r"region [`'](FLASH|RAM)' overflowed by (\d+) bytes")


@dataclass(frozen=True)
class Limits:
    """What the firmware may take; None is what the emulated board has.

    Attributes:
        flash: B, for code and constants, the harness and its vectors included.
        ram: B, for the stack, static data and the arena.
        stack: B, reserved for the stack, the harness included; more than that is trapped. At least LEAST_STACK.
    """

    flash: int | None = None
    ram: int | None = None
    stack: int = 1024

    @property
    def arena(self) -> int | None:
        """What is left of the RAM for the arena."""
        return None if self.ram is None else max(0, self.ram - self.stack - _HARNESS_RAM)

    @property
    def constants(self) -> int | None:
        """What is left of the flash for weights and tables."""
        return None if self.flash is None else max(0, self.flash - _CODE)

    def lengths(self, board: SystemBoard) -> dict[str, int]:
        """Bytes the linker may place in each memory: the smaller of the limit and what the board has."""
        flash = board.flash.length if self.flash is None else min(self.flash, board.flash.length)
        return {"FLASH": flash, "RAM": board.ram.length if self.ram is None else min(self.ram, board.ram.length)}


def linker_script(board: SystemBoard, limits: Limits) -> str:
    """The text of the script.

    Raises:
        ConfigError: the stack is too small for the harness itself.
    """
    if limits.stack < LEAST_STACK:
        msg = f"a stack of {limits.stack} B is too small for the harness itself"
        raise ConfigError(msg, remedy=f"reserve at least {LEAST_STACK} B")
    lengths = limits.lengths(board)
    regions = []
    vectors = "FLASH"
    if board.vectors is not None:
        vectors = "VECTORS"
        lengths["FLASH"] = max(0, lengths["FLASH"] - VECTOR_BYTES)
        regions.append(f"  VECTORS (rx) : ORIGIN = {board.vectors:#x}, LENGTH = {VECTOR_BYTES}")
    regions.append(f"  FLASH (rx) : ORIGIN = {board.flash.origin:#x}, LENGTH = {lengths['FLASH']}")
    regions.append(f"  RAM (rw) : ORIGIN = {board.ram.origin:#x}, LENGTH = {lengths['RAM']}")
    script = (NATIVE / "link.ld.in").read_text()
    stack = (limits.stack + 15) // 16 * 16
    values = {
        "REGIONS": "\n".join(regions),
        "VECTORS": vectors,
        "VECTORS_APART": "+ SIZEOF(.vectors)" if board.vectors is not None else "",
        "STACK": str(stack),
        "RAM_END": f"{board.ram.origin + board.ram.length:#x}",
    }
    for key, value in values.items():
        script = script.replace(f"@{key}@", value)
    return script


def raise_if_too_large(message: str, board: SystemBoard, limits: Limits) -> None:
    """Turn the linker's message into words where it says that a memory overflowed.

    Raises:
        BudgetError: what is needed and what there is, of every memory that is too small.
    """
    lengths = limits.lengths(board)
    over = {region: int(number) for region, number in _OVERFLOWED.findall(message)}
    if not over:
        return
    words = [
        f"{region.lower()}: {lengths[region] + more} B needed, {lengths[region]} B available"
        for region, more in sorted(over.items())
    ]
    msg = f"the firmware does not fit: {'; '.join(words)}"
    own = {"FLASH": limits.flash, "RAM": limits.ram}
    ends = [
        f"the emulated {board.machine} has no more {region.lower()}"
        for region in sorted(over)
        if own[region] is None or lengths[region] < (own[region] or 0)
    ]
    remedy = "compress the model further, or choose a part with more memory"
    raise BudgetError(msg, remedy="; ".join(ends) or remedy)
