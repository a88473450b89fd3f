"""Time of one inference on an Arm board, as a figure with an interval."""

from __future__ import annotations

from collections.abc import Mapping

from edgebuild.config.wording import threads_words
from edgebuild.device.linux_board import LinuxBoard
from edgebuild.estimate.arm.coefficients import Coefficients, coefficients, kind_of_row
from edgebuild.estimate.arm.instruction_kind import Kind
from edgebuild.estimate.arm.terms import Cost, amounts_of, combined
from edgebuild.figure import Figure

NAMES = {1: "latency"}
"""Threads -> the name of the figure; any other number is that of all cores."""
ALL_CORES = "latency_all_cores"
MOST_THREADS = 4
"""Of the rows that the factors and intervals were fitted to: beyond them no confidence is known."""


def milliseconds(cost: Cost, board: LinuxBoard, threads: int, known: Coefficients | None = None) -> float:
    """Estimated time of one inference, in ms; arguments as of `amounts_of`, with the shipped factors or others."""
    return combined((known or coefficients()).factors, amounts_of(cost, board, threads))


def computes_in(kinds: Mapping[Kind, int]) -> str:
    """`fp32` where most multiply-adds of the counted instructions are of floats, else `int8`."""
    integers = kinds.get("integer_multiply_add", 0) + kinds.get("dot_product", 0)
    return "fp32" if kinds.get("float_multiply_add", 0) > integers else "int8"


def latency_figure(cost: Cost, kinds: Mapping[Kind, int], board: LinuxBoard, threads: int) -> Figure:
    """Time of one inference as a figure, in ms.

    Args:
        cost: of the inference.
        kinds: its instructions, by kind.
        board: as `amounts_of` takes it.
        threads: of the runtime.
    """
    known, dtype = coefficients(), computes_in(kinds)
    assert board.clock is not None, "asked for before"
    value = milliseconds(cost, board, threads, known)
    kind = kind_of_row(dtype, threads)
    spread = known.spread[kind]
    beyond = threads > MOST_THREADS
    slowest = milliseconds(cost, board, MOST_THREADS, known) if beyond else value
    doubt = f"; no row has more than {MOST_THREADS} threads: from as the law goes on to no faster than with them"
    return Figure(
        NAMES.get(threads, ALL_CORES),
        value,
        "ms",
        "estimated",
        low=value / spread,
        high=max(slowest, value) * spread,
        confidence=None if beyond else known.confidence,
        provenance=f"{board.cpu} at {board.clock / 1e9:g} GHz, {threads_words(threads)}: instructions x llvm-mca, "
        f"misses of simulated caches, fitted to {known.rows}; interval of {kind}, from devices left out"
        f"{doubt if beyond else ''}",
    )
