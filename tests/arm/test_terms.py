"""How the time of a board follows from cycles, misses, clock, memory and threads."""

from __future__ import annotations

from typing import Any

import pytest

from edgebuild.device.caches import SHARES
from edgebuild.device.linux_board import LinuxBoard
from edgebuild.estimate.arm.coefficients import coefficients, kind_of_row
from edgebuild.estimate.arm.latency import ALL_CORES, computes_in, latency_figure, milliseconds
from edgebuild.estimate.arm.terms import TERMS, Cost, amounts_of, lines_missed, missing_fact

COST = Cost(150e6, (100_000, 200_000, 400_000))


def board(**changed: Any) -> LinuxBoard:
    options = {
        "cpu": "cortex-a72",
        "clock": "1.5 GHz",
        "memory_bandwidth": "8 GB/s",
        "caches": {"l1_data": "32 KiB", "l2": "1 MiB"},
    }
    return LinuxBoard.model_validate({**options, **changed})


def test_the_shipped_factors_are_those_of_the_terms_and_their_intervals_are_wider_than_nothing() -> None:
    known = coefficients()
    assert tuple(sorted(known.factors)) == tuple(sorted(TERMS))
    assert all(factor >= 0 for factor in known.factors.values())
    assert known.factors["parallel"] == pytest.approx(1, abs=0.4), "llvm-mca alone is not far off"
    assert all(spread > 1.05 for spread in known.spread.values())
    assert known.confidence == 0.9


def test_amounts_are_milliseconds_of_cycles_and_of_lines() -> None:
    parallel, serial, memory = amounts_of(COST, board(), 1)
    assert serial == pytest.approx(100)
    assert parallel == pytest.approx(100)
    assert memory == pytest.approx(1e3 * 64 * 100_000 / 8e9)
    four = amounts_of(COST, board(), 4)
    assert four[0] == pytest.approx(25)
    assert four[1] == pytest.approx(100)
    assert four[2] == pytest.approx(4 * memory), "each thread has a quarter of the cache, and misses more"


@pytest.mark.parametrize(("threads", "lines"), [(1, 100_000), (2, 200_000), (3, 300_000), (4, 400_000), (8, 400_000)])
def test_lines_missed_lie_between_those_of_the_simulated_shares(threads: int, lines: float) -> None:
    assert SHARES == (1, 2, 4)
    assert lines_missed(COST, threads) == lines


def test_more_threads_than_cores_do_not_help() -> None:
    two = board(cores=2)
    assert amounts_of(COST, two, 4)[0] == amounts_of(COST, two, 2)[0]


def test_time_falls_with_clock_threads_and_bandwidth() -> None:
    usual = milliseconds(COST, board(), 1)
    assert milliseconds(COST, board(clock="3 GHz"), 1) < 0.6 * usual
    assert milliseconds(COST, board(), 4) < 0.6 * usual
    assert milliseconds(COST, board(memory_bandwidth="80 GB/s"), 1) < usual
    assert milliseconds(Cost(COST.cycles, (0, 0, 0)), board(), 1) < usual


@pytest.mark.parametrize("key", ["clock", "memory_bandwidth", "caches"])
def test_what_a_device_file_does_not_say_is_named(key: str) -> None:
    assert missing_fact(board()) is None
    assert missing_fact(board(**{key: None})) == key


def test_the_figure_says_where_it_is_from() -> None:
    floats = latency_figure(COST, {"float_multiply_add": 90, "integer_multiply_add": 10}, board(), 1)
    integers = latency_figure(COST, {"float_multiply_add": 10, "dot_product": 90}, board(), 4)
    assert (floats.name, floats.unit, floats.kind, floats.confidence) == ("latency", "ms", "estimated", 0.9)
    assert integers.name == ALL_CORES
    assert "cortex-a72 at 1.5 GHz, 1 thread: instructions x llvm-mca" in floats.provenance
    assert coefficients().rows in floats.provenance
    assert "interval of fp32, one thread" in floats.provenance
    assert "4 threads" in integers.provenance
    assert "interval of int8, several threads" in integers.provenance
    for figure, dtype, threads in ((floats, "fp32", 1), (integers, "int8", 4)):
        assert figure.value is not None
        assert figure.low == pytest.approx(figure.value / coefficients().spread[kind_of_row(dtype, threads)])
        assert figure.high == pytest.approx(figure.value * coefficients().spread[kind_of_row(dtype, threads)])


def test_beyond_the_threads_that_anything_was_fitted_to_no_confidence_is_claimed() -> None:
    """From the law going on to no faster than with four: a board of 64 cores."""
    many, four = board(cores=64), board(cores=4)
    found = latency_figure(COST, {"dot_product": 1}, many, 64)
    known = latency_figure(COST, {"dot_product": 1}, four, 4)
    assert (found.name, found.confidence, known.confidence) == (ALL_CORES, None, 0.9)
    assert found.value == milliseconds(COST, many, 64)
    assert found.value is not None
    assert known.value is not None
    assert found.value < known.value
    assert found.low == pytest.approx(found.value / coefficients().spread[kind_of_row("int8", 64)])
    assert found.high == pytest.approx(known.high)
    assert "no row has more than 4 threads" in found.provenance
    assert "no row has more" not in known.provenance


def test_a_program_without_multiply_adds_counts_as_integer() -> None:
    assert computes_in({"integer": 5}) == "int8"
