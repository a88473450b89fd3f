"""What a profiled program costs: cycles of its hot blocks, lines that its caches missed, and its hottest kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgebuild.device.qemu_profile import Block, BlockProfile
from edgebuild.estimate.arm.schedule import block_cycles
from edgebuild.estimate.arm.symbols import function_at

COVERED = 0.995
"""Share of all instructions whose blocks are timed; the others are taken to be like them."""


@dataclass(frozen=True)
class ProgramTime:
    """One inference on one core.

    Attributes:
        core: that the cycles are for.
        instructions: executed.
        cycles: where every access finds its data in the first cache.
        missed: lines that were not in the first cache, and in the last one or a share of it, as `Block.missed`.
        blocks: the hot ones, most cycles first, with the cycles of all their executions.
    """

    core: str
    instructions: int
    cycles: float
    missed: tuple[int, ...]
    blocks: tuple[tuple[Block, float], ...]


@dataclass(frozen=True)
class KernelTime:
    """What one function takes of an inference.

    Attributes:
        name, file: of the function.
        instructions: executed in its hot blocks.
        cycles: of them.
        share: of all cycles, in per cent.
        missed: lines, as `ProgramTime.missed`.
    """

    name: str
    file: str
    instructions: int
    cycles: float
    share: float
    missed: tuple[int, ...]


def time_program(profile: BlockProfile, core: str) -> ProgramTime:
    """Time what a profile holds.

    Raises:
        ToolError: LLVM is missing or cannot read the instructions.
    """
    hot, covered = hot_blocks(profile)
    costs = block_cycles([block.words for block in hot], core)
    timed = [(block, block.times * cost) for block, cost in zip(hot, costs, strict=True)]
    timed.sort(key=lambda pair: (-pair[1], pair[0].address))
    total = sum(cycles for _, cycles in timed) * profile.instructions / max(covered, 1)
    return ProgramTime(core, profile.instructions, total, profile.missed, tuple(timed))


def hot_blocks(profile: BlockProfile) -> tuple[list[Block], int]:
    """The blocks with most instructions, until COVERED of all are among theirs; and how many that are."""
    wanted, covered, hot = COVERED * profile.instructions, 0, []
    for block in sorted(profile.blocks, key=lambda one: (-one.instructions, one.address)):
        if covered >= wanted:
            break
        covered += block.instructions
        hot.append(block)
    return hot, covered


def kernel_times(time: ProgramTime, profile: BlockProfile, most: int = 20) -> list[KernelTime]:
    """The functions that take most cycles, most first."""
    grouped: dict[tuple[str, str], list[tuple[Block, float]]] = {}
    for block, cycles in time.blocks:
        grouped.setdefault(function_at(block.address, profile.files), []).append((block, cycles))
    kernels = [_kernel(place, blocks, time.cycles) for place, blocks in grouped.items()]
    return sorted(kernels, key=lambda one: (-one.cycles, one.name))[:most]


def _kernel(place: tuple[str, str], blocks: Sequence[tuple[Block, float]], total: float) -> KernelTime:
    file, name = place
    cycles = sum(cost for _, cost in blocks)
    missed = tuple(max(sum(counts), 0) for counts in zip(*(block.missed for block, _ in blocks), strict=True))
    instructions = sum(block.instructions for block, _ in blocks)
    return KernelTime(name, file, instructions, cycles, 100 * cycles / total if total else 0.0, missed)
