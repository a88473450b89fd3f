"""Factors of Arm boards, fitted to published rows; and what they err on devices that they were not fitted to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, exp, log

import numpy as np

from edgebuild.estimate.arm.coefficients import kind_of_row
from edgebuild.estimate.arm.terms import OVERLAP, TERMS, Cost, amounts_of, combined
from measuring.arm_rows import BOARDS, Row

CONFIDENCE = 0.9
ROUNDS, SMALLEST_ERROR = 15, 0.02
"""Rounds of reweighting, by which squares of errors become their absolute values."""
RATIOS = tuple(1.1**power for power in range(-30, 25))
"""Of the memory's factor to the parallel one: from a twentieth to ten times."""

Factors = dict[str, float]


@dataclass(frozen=True)
class Priced:
    """A published row and the amounts that its time is estimated from."""

    row: Row
    amounts: tuple[float, float, float]

    @staticmethod
    def of(row: Row, cost: Cost) -> Priced:
        """A row with the cost of its network on its board.

        TFLite's own kernels pack a matrix once for all threads, and cut it to what the cache holds; those of XNNPACK
        let each thread read all weights by itself, so that it has only its share of the cache.
        """
        shared = cost if row.kernels == "xnnpack" else replace(cost, lines=cost.lines[:1] * len(cost.lines))
        return Priced(row, amounts_of(shared, BOARDS[row.board], row.threads))

    def estimate(self, factors: Factors) -> float:
        """Milliseconds."""
        return combined(factors, self.amounts)


@dataclass(frozen=True)
class Judged:
    """A row, its estimate without its device, and the spread (a factor) that the other devices give its kind."""

    row: Row
    estimate: float
    spread: float

    @property
    def error(self) -> float:
        """Per cent above (or below) what was published."""
        return 100 * (self.estimate / self.row.milliseconds - 1)

    @property
    def inside(self) -> bool:
        """Whether what was published lies in the interval."""
        return self.estimate / self.spread <= self.row.milliseconds <= self.estimate * self.spread


def fit(rows: Sequence[Priced]) -> Factors:
    """Factors, none below zero, with the smallest sum of relative errors; n rows of a device and dtype count as root n.

    For each ratio of the memory's factor to the parallel one, the others are a linear problem; the best ratio wins.
    """
    truth = np.array([one.row.milliseconds for one in rows])
    parallel, serial, memory = np.array([one.amounts for one in rows]).T
    alike = Counter((one.row.device, one.row.dtype) for one in rows)
    weight = np.array([alike[one.row.device, one.row.dtype] ** -0.5 for one in rows])
    best, smallest = (0.0, 0.0, 0.0), float("inf")
    for ratio in RATIOS:
        overlapped = (parallel**OVERLAP + (ratio * memory) ** OVERLAP) ** (1 / OVERLAP)
        matrix = np.stack([overlapped, serial], axis=1) / truth[:, None]
        first, second = _least_absolute(matrix, weight)
        error = float(weight @ np.abs(np.log(matrix @ np.array([first, second]))))
        if error < smallest:
            best, smallest = (first, second, ratio * first), error
    return {name: float(f"{value:.4g}") for name, value in zip(TERMS, best, strict=True)}


def _least_absolute(matrix: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Two factors, none below zero, that bring the rows of the matrix nearest to 1, by absolute distance."""
    pull = weight
    solved = np.zeros(2)
    for _ in range(ROUNDS):
        root = np.sqrt(pull)
        solved, *_ = np.linalg.lstsq(matrix * root[:, None], root, rcond=None)
        if solved.min() < 0:
            only = int(np.argmax(solved))
            column = matrix[:, only]
            solved = np.zeros(2)
            solved[only] = (pull @ column) / (pull @ column**2)
        pull = weight / np.maximum(np.abs(matrix @ solved - 1), SMALLEST_ERROR)
    return float(solved[0]), float(solved[1])


def left_out(rows: Sequence[Priced]) -> list[tuple[Priced, float]]:
    """Each row with its estimate by factors that were fitted to the other devices."""
    found = []
    for device in dict.fromkeys(one.row.device for one in rows):
        factors = fit([one for one in rows if one.row.device != device])
        found += [(one, one.estimate(factors)) for one in rows if one.row.device == device]
    return found


def spreads(rows: Sequence[Priced]) -> dict[str, float]:
    """Each kind of row -> the factor that CONFIDENCE of its rows stay within, of estimates without their device.

    Errors of one device are alike, so that few devices tell less than their many rows seem to: the logarithm of the
    factor is larger by two parts in the number of devices, which is about what Student's t adds to a 90 % interval.
    """
    errors: dict[str, list[float]] = {}
    for one, estimate in left_out(rows):
        errors.setdefault(_kind(one.row), []).append(abs(log(estimate / one.row.milliseconds)))
    found = {}
    for kind, values in sorted(errors.items()):
        devices = len({one.row.device for one in rows if _kind(one.row) == kind})
        found[kind] = float(f"{exp(_quantile(values) * (1 + 2 / devices)):.4g}")
    return found


def _kind(row: Row) -> str:
    return kind_of_row(row.dtype, row.threads)


def _quantile(values: Sequence[float]) -> float:
    """The value that one more of the same kind stays below with CONFIDENCE (split conformal prediction)."""
    rank = min(ceil((len(values) + 1) * CONFIDENCE), len(values)) - 1
    return sorted(values)[rank]


def judge(rows: Sequence[Priced]) -> list[Judged]:
    """Every row as if its device were new: neither the factors nor the interval know any of its rows."""
    found = []
    for device in dict.fromkeys(one.row.device for one in rows):
        others = [one for one in rows if one.row.device != device]
        factors, spread = fit(others), spreads(others)
        widest = max(spread.values())
        own = (one for one in rows if one.row.device == device)
        found += [Judged(one.row, one.estimate(factors), spread.get(_kind(one.row), widest)) for one in own]
    return found
