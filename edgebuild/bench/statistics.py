"""The median of timed runs and its interval, from runs of several processes; numpy only.

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


def median_interval(
    processes: Sequence[np.ndarray], *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Interval:
    """Return the median of all runs with a bootstrap interval that includes the variation between processes.

    Args:
        processes: one array [runs] per process; lengths may differ (warm-up was dropped). At least 2, none empty.
        confidence: nominal coverage, in (0, 1).
        resamples: of the bootstrap.
        seed: same samples and same seed give the same interval.

    Raises:
        ValueError: fewer than two processes, or one without runs.
    """
    if len(processes) < 2 or any(len(runs) == 0 for runs in processes):
        msg = "a median interval needs the runs of at least two processes, none of them empty"
        raise ValueError(msg)
    estimate = float(np.median(np.concatenate(processes)))
    rng = np.random.default_rng(seed)
    medians = np.array([_resampled_median(processes, rng) for _ in range(resamples)])
    tail = (1 - confidence) / 2
    low, high = np.quantile(medians, [tail, 1 - tail])
    expansion = small_sample_expansion(len(processes), confidence)
    return Interval(
        value=estimate,
        low=max(0.0, estimate - max(0.0, estimate - float(low)) * expansion),
        high=estimate + max(0.0, float(high) - estimate) * expansion,
        confidence=confidence,
    )


def _resampled_median(processes: Sequence[np.ndarray], rng: np.random.Generator) -> float:
    chosen = rng.integers(0, len(processes), len(processes))
    return float(np.median(np.concatenate([_circular_blocks(processes[i], rng) for i in chosen])))


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
