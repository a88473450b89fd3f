"""What QEMU's plugin `profile-blocks` tells of a program: blocks of instructions, how often they ran, their misses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from edgebuild.device.caches import SHARES, WAYS
from edgebuild.device.linux_board import LinuxBoard
from edgebuild.errors import ToolError


@dataclass(frozen=True)
class Block:
    """Instructions that are executed one after the other.

    Attributes:
        address: of the first.
        times: the block was entered; below zero where more was subtracted than was there, for want of the same block.
        missed: lines that its accesses did not find in the core's data cache, and in the last cache or the shares of it
            (`SHARES`), over all times.
        words: the instructions, as they are encoded.
    """

    address: int
    times: int
    missed: tuple[int, ...]
    words: tuple[int, ...]

    @property
    def instructions(self) -> int:
        """Executed in all."""
        return self.times * len(self.words)


@dataclass(frozen=True)
class MappedFile:
    """A part of a file in the program's memory: from `start` to `end`, beginning at `offset` of the file."""

    start: int
    end: int
    offset: int
    path: str


@dataclass(frozen=True)
class BlockProfile:
    """What ran between two marks, blocks by address."""

    blocks: tuple[Block, ...]
    files: tuple[MappedFile, ...]

    @property
    def instructions(self) -> int:
        """Executed in all."""
        return sum(block.instructions for block in self.blocks)

    @property
    def missed(self) -> tuple[int, ...]:
        """Lines that were not found, as `Block.missed`; none where more were subtracted."""
        return tuple(max(sum(counts), 0) for counts in zip(*(block.missed for block in self.blocks), strict=True))


def cache_arguments(board: LinuxBoard) -> tuple[str, ...]:
    """What the plugin is told of the caches of a board; nothing where its file does not say their sizes."""
    if board.caches is None:
        return ()
    first, last = WAYS[board.cpu]
    size = board.caches.l3 or board.caches.l2
    shares = [f"cache={size // share}:{last}" for share in SHARES]
    return (f"cache={board.caches.l1_data}:{first}", *shares)


def read_profile(file: Path, said: str = "") -> BlockProfile:
    """Read what the plugin wrote.

    Args:
        file: that it wrote.
        said: by QEMU, for the message where it could not.

    Raises:
        ToolError: the file is missing or cut off: QEMU refused the plugin, or the program did not come to the end.
    """
    try:
        lines = file.read_text().splitlines()
    except OSError:
        lines = []
    if not lines or lines[-1] != "E":
        msg = f"the profiler of emulated programs did not finish{': ' if said else ''}{said}"
        raise ToolError(
            msg, remedy="see that QEMU takes plugins of interface 1, as 7.2 does, and that the disk has room"
        )
    blocks = _merged(_block(line) for line in lines if line.startswith("B "))
    return BlockProfile(blocks, tuple(_mapped(line) for line in lines if line.startswith("L ")))


def _block(line: str) -> Block:
    _, address, times, *missed, words = line.split(" ")
    decoded = tuple(int(words[place : place + 8], 16) for place in range(0, len(words), 8))
    return Block(int(address), int(times), tuple(int(count) for count in missed), decoded)


def _merged(translations: Iterable[Block]) -> tuple[Block, ...]:
    """One block for all translations of the same instructions, by address."""
    found: dict[tuple[int, tuple[int, ...]], Block] = {}
    for one in translations:
        key = (one.address, one.words)
        known = found.get(key)
        if known is not None:
            missed = tuple(a + b for a, b in zip(known.missed, one.missed, strict=True))
            one = replace(one, times=known.times + one.times, missed=missed)
        found[key] = one
    return tuple(block for block in found.values() if block.times != 0)


def _mapped(line: str) -> MappedFile:
    _, start, end, offset, path = line.split(" ", 4)
    return MappedFile(int(start), int(end), int(offset), path)
