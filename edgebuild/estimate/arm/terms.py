"""What the time of an inference on an Arm board is made of: amounts in milliseconds, each x a fitted factor.

    time = (compute^P + transfer^P)^(1/P) + waiting
    compute  = parallel x cycles / (clock x threads)
    transfer = memory x bytes / sqrt(bandwidth x REFERENCE)
    waiting  = serial x cycles / clock

Cycles are those of llvm-mca, where every access finds its data in the first cache. Bytes are those of lines that the
last cache does not have; threads that share it have each their part of it, so that more threads transfer more.
Computing and transferring overlap in part: P = 1 would be one after the other, a large P only the longer one. A line
costs less than in proportion to the bandwidth, because part of the cost is latency. Waiting is what threads do not
make faster. The forms were chosen among a few by their errors on devices left out (`benchmarks/arm_estimates.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

from edgebuild.device.caches import LINE_BYTES, SHARES
from edgebuild.device.linux_board import LinuxBoard
from edgebuild.estimate.arm.program_time import ProgramTime

TERMS = ("parallel", "serial", "memory")
"""Names of the amounts, in the order of `amounts_of`; the fitted factors have the same names."""
OVERLAP = 1.5
"""P above."""
REFERENCE = 8e9
"""B/s; only the unit of the factor of the memory depends on it."""


@dataclass(frozen=True)
class Cost:
    """What is known of an inference on one core, as far as its time depends on it.

    Attributes:
        cycles: of one thread, with all data in the first cache.
        lines: that are not in the last cache, or in the share of it that one of `SHARES` threads has.
    """

    cycles: float
    lines: tuple[int, ...]

    @staticmethod
    def of(time: ProgramTime) -> Cost:
        """The cost of a timed program."""
        return Cost(time.cycles, time.missed[1:])


def missing_fact(board: LinuxBoard) -> str | None:
    """The first thing that a time needs and the device file does not say; None where it says all."""
    for key in ("clock", "memory_bandwidth", "caches"):
        if getattr(board, key) is None:
            return key
    return None


def amounts_of(cost: Cost, board: LinuxBoard, threads: int) -> tuple[float, float, float]:
    """The amounts of one inference, in ms, in the order of TERMS.

    Args:
        cost: of one thread.
        board: one that says all that `missing_fact` asks for.
        threads: at least 1; more than the board has cores do not help.
    """
    assert board.clock is not None, "asked for before"
    assert board.memory_bandwidth is not None, "asked for before"
    milliseconds = 1e3 * cost.cycles / board.clock
    transferred = LINE_BYTES * lines_missed(cost, threads)
    return (
        milliseconds / min(threads, board.cores),
        milliseconds,
        1e3 * transferred / sqrt(board.memory_bandwidth * REFERENCE),
    )


def lines_missed(cost: Cost, threads: int) -> float:
    """Lines that the last cache does not have for so many threads, between the simulated shares by a straight line."""
    for (fewer, low), (more, high) in pairwise(zip(SHARES, cost.lines, strict=True)):
        if threads <= more:
            return low + (high - low) * (threads - fewer) / (more - fewer)
    return float(cost.lines[-1])


def combined(factors: Mapping[str, float], amounts: tuple[float, float, float]) -> float:
    """The time of amounts, in ms."""
    parallel, serial, memory = (factors[name] * amount for name, amount in zip(TERMS, amounts, strict=True))
    overlapped: float = (parallel**OVERLAP + memory**OVERLAP) ** (1 / OVERLAP)
    return overlapped + serial
