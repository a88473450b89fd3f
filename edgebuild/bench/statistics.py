"""Quantiles of timed runs, ratios of medians, and their intervals, from runs of several processes; numpy only.

Runs of one process resemble one another more than runs of two: memory layout, page colouring and clock state are drawn
once per process. An interval over pooled runs therefore misses most of the uncertainty. Here the bootstrap resamples
processes first and runs within them second (Davison & Hinkley 1997, Bootstrap Methods and their Application, section
3.8), runs in circular blocks because neighbours in time are alike (Politis & Romano 1992, A circular block-resampling
procedure). With few processes a percentile interval is too narrow; its ends are moved out by sqrt(P / (P - 1)) *
t(P - 1) / z, the expansion of Hesterberg 2015 (What Teachers Should Know About the Bootstrap) applied to the
distances from the estimate. `tests/bench/test_statistics.py` checks the coverage by simulation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np

BLOCK_EXPONENT = 1 / 3
"""Block length n ** (1/3): the rate that minimises the error of a block bootstrap (Hall, Horowitz & Jing 1995)."""


@dataclass(frozen=True)
class Interval:
    """An estimate with the ends of its interval, in the samples' unit, and the nominal coverage in (0, 1)."""

    value: float
    low: float
    high: float
    confidence: float

    @property
    def width(self) -> float:
        """From end to end, as a share of the estimate; infinite where that is 0."""
        return (self.high - self.low) / self.value if self.value else math.inf


def median_interval(
    processes: Sequence[np.ndarray], *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Interval:
    """Return the median of all runs with a bootstrap interval; arguments and errors as of `quantile_intervals`."""
    return quantile_intervals(processes, (0.5,), confidence=confidence, resamples=resamples, seed=seed)[0]


def quantile_intervals(
    processes: Sequence[np.ndarray],
    shares: Sequence[float],
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> list[Interval]:
    """Return quantiles of all runs, with bootstrap intervals that include the variation between processes.

    Args:
        processes: one array [runs] per process; lengths may differ (warm-up was dropped). At least 2, none empty.
        shares: of the runs that are below each quantile, in (0, 1) and rising: 0.5 is the median.
        confidence: nominal coverage, in (0, 1).
        resamples: of the bootstrap.
        seed: same samples and same seed give the same intervals.

    Raises:
        ValueError: fewer than two processes, or one without runs.
    """
    _require_processes(processes)
    estimates = np.quantile(np.concatenate(processes), shares)
    rng = np.random.default_rng(seed)
    drawn = np.array([np.quantile(_resampled([processes], rng)[0], shares) for _ in range(resamples)])
    lows, highs = np.quantile(drawn, _tails(confidence), axis=0)
    expansion = small_sample_expansion(len(processes), confidence)
    lows = estimates - np.maximum(0.0, estimates - lows) * expansion
    highs = estimates + np.maximum(0.0, highs - estimates) * expansion
    lows = np.maximum.accumulate(np.maximum(0.0, lows))  # no quantile is below a smaller one
    found = zip(estimates.tolist(), lows.tolist(), highs.tolist(), strict=True)
    return [Interval(value, low, high, confidence) for value, low, high in found]


def ratio_interval(
    ours: Sequence[np.ndarray],
    theirs: Sequence[np.ndarray],
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Return the ratio of two medians, ours to theirs, of processes that ran in pairs, with a bootstrap interval.

    The bootstrap draws pairs: what slowed down both processes of one, like heat, slows down both medians. The ends are
    moved out as those of one median are, on a logarithmic scale, so that the inverse ratio has the inverse interval.

    Args:
        ours: one array [runs] per process; positive. At least 2, none empty.
        theirs: the same of the other file; the n-th ran beside our n-th.
        confidence: nominal coverage, in (0, 1).
        resamples: of the bootstrap.
        seed: same samples and same seed give the same interval.

    Raises:
        ValueError: fewer than two pairs, a process without runs or without the other one.
    """
    if len(ours) != len(theirs):
        msg = f"{len(ours)} processes cannot be paired with {len(theirs)}"
        raise ValueError(msg)
    for processes in (ours, theirs):
        _require_processes(processes)
    estimate = _log_ratio(np.concatenate(ours), np.concatenate(theirs))
    rng = np.random.default_rng(seed)
    drawn = [_log_ratio(*_resampled([ours, theirs], rng)) for _ in range(resamples)]
    low, high = np.quantile(drawn, _tails(confidence))
    expansion = small_sample_expansion(len(ours), confidence)
    return Interval(
        value=math.exp(estimate),
        low=math.exp(estimate - max(0.0, estimate - float(low)) * expansion),
        high=math.exp(estimate + max(0.0, float(high) - estimate) * expansion),
        confidence=confidence,
    )


def _require_processes(processes: Sequence[np.ndarray]) -> None:
    if len(processes) < 2 or any(len(runs) == 0 for runs in processes):
        msg = "an interval needs the runs of at least two processes, none of them empty"
        raise ValueError(msg)


def _tails(confidence: float) -> tuple[float, float]:
    tail = (1 - confidence) / 2
    return tail, 1 - tail


def _log_ratio(ours: np.ndarray, theirs: np.ndarray) -> float:
    return math.log(float(np.median(ours)) / float(np.median(theirs)))


def _resampled(files: Sequence[Sequence[np.ndarray]], rng: np.random.Generator) -> list[np.ndarray]:
    """Runs of each file, from processes that are drawn for all files at once."""
    count = len(files[0])
    chosen = rng.integers(0, count, count)
    return [np.concatenate([_circular_blocks(processes[i], rng) for i in chosen]) for processes in files]


def _circular_blocks(runs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    count = len(runs)
    length = max(1, round(count**BLOCK_EXPONENT))
    starts = rng.integers(0, count, math.ceil(count / length))
    index = (starts[:, None] + np.arange(length)).ravel()[:count] % count
    return np.asarray(runs[index])


def small_sample_expansion(groups: int, confidence: float) -> float:
    """Return how much wider than the percentile interval it must be with this many groups (>= 2)."""
    upper = (1 + confidence) / 2
    return math.sqrt(groups / (groups - 1)) * student_quantile(upper, groups - 1) / NormalDist().inv_cdf(upper)


@cache
def student_quantile(probability: float, degrees: int) -> float:
    """Return the quantile of Student's t for a probability in [0.5, 1), to six digits, by bisection on its integral."""
    # x = sqrt(degrees) * tan(angle) turns the density into cos(angle) ** (degrees - 1) on a finite range.
    scale = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(math.pi)
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        angle = (low + high) / 2
        grid = np.linspace(0.0, angle, 4001)
        if 0.5 + scale * float(np.trapezoid(np.cos(grid) ** (degrees - 1), grid)) < probability:
            low = angle
        else:
            high = angle
    return math.sqrt(degrees) * math.tan((low + high) / 2)


def range_interval(values: Sequence[float]) -> Interval:
    """Return the median of n values, one per process, with [min, max] as its interval.

    It covers the true median with probability 1 - 2 ** (1 - n). That holds for every distribution (David & Nagaraja
    2003, Order Statistics, section 7.1) and is the most that a handful of values can say.

    Raises:
        ValueError: fewer than two values.
    """
    if len(values) < 2:
        msg = "a range interval needs at least two values"
        raise ValueError(msg)
    return Interval(float(np.median(values)), min(values), max(values), 1 - 2.0 ** (1 - len(values)))


def relative_spread(runs: np.ndarray) -> float:
    """Return the median absolute deviation over the median of runs [n]: 0 is perfectly steady."""
    median = float(np.median(runs))
    return float(np.median(np.abs(runs - median))) / median if median else 0.0
