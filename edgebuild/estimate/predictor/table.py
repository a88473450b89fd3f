"""What the amounts cost on one device with one dtype and number of threads, fitted to measured times."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from edgebuild.estimate.predictor.amounts import BEFORE
from edgebuild.estimate.predictor.conformal import Bounds, conformal_bounds
from edgebuild.estimate.predictor.least_squares import fit_shares

FEWEST = 3
"""Measured networks that a fit needs."""
_PULL = 0.01
_LEFT_OUT_PARTS, _HELD_OUT_PARTS, _FEWEST_TO_ASK = 40, 5, 10
_UNSEEN_SPREAD = 4.0
"""What no measured network has may cost four times less or more than its ratio in BEFORE says."""

Amounts = Mapping[str, float]
"""As `amounts_of` gives them; a name that BEFORE does not have is an earlier estimate, in ms."""


@dataclass(frozen=True)
class Table:
    """Fitted costs.

    Attributes:
        dtype, threads: what was measured.
        networks: how many.
        costs: amount -> ms of each unit.
        seen: amounts that a measured network has.
        low, high, confidence: see `Bounds`, from networks that were left out of the fit.
        coverage: share of times inside the interval that a fit to four fifths of the networks gave for the others; None
            where there were too few to ask.
        error: median of |estimate / time - 1| of left-out networks.
    """

    dtype: str
    threads: int
    networks: int
    costs: dict[str, float]
    seen: tuple[str, ...]
    low: float
    high: float
    confidence: float
    coverage: float | None
    error: float

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @staticmethod
    def from_json(raw: Mapping[str, Any]) -> Table:
        """Rebuild a table from `to_json`."""
        return Table(**{**raw, "seen": tuple(raw["seen"])})


@dataclass(frozen=True)
class Prediction:
    """ms of one inference with its interval; `unseen` is the share of it that no measured network tells about."""

    value: float
    low: float
    high: float
    unseen: float


def fit_table(rows: Sequence[Amounts], times: Sequence[float], dtype: str, threads: int) -> Table:
    """Fit to measured networks.

    Args:
        rows: amounts of each network, at least FEWEST.
        times: ms of each, above zero.
        dtype: of all of them.
        threads: of all of them.
    """
    errors = left_out_errors(rows, times)
    bounds = conformal_bounds(errors)
    return Table(
        dtype=dtype,
        threads=threads,
        networks=len(rows),
        costs={name: float(f"{cost:.6g}") for name, cost in fit_costs(rows, times).items()},
        seen=tuple(sorted({name for row in rows for name in row})),
        low=float(f"{bounds.low:.6g}"),
        high=float(f"{bounds.high:.6g}"),
        confidence=bounds.confidence,
        coverage=held_out_coverage(rows, times),
        error=float(np.median([abs(math.expm1(-error)) for error in errors])),
    )


def left_out_errors(rows: Sequence[Amounts], times: Sequence[float]) -> list[float]:
    """log(time / estimate) of every network by a fit that it was left out of, alone or with few others."""
    errors = [0.0] * len(rows)
    for left, kept in _parts(len(rows), _LEFT_OUT_PARTS):
        costs = fit_costs([rows[place] for place in kept], [times[place] for place in kept])
        for place in left:
            errors[place] = math.log(times[place] / cost_of(rows[place], costs))
    return errors


def held_out_coverage(rows: Sequence[Amounts], times: Sequence[float]) -> float | None:
    """How often a time was in the interval of a table that had no part in it; None with fewer than ten networks."""
    if len(rows) < _FEWEST_TO_ASK:
        return None
    inside = 0
    for left, kept in _parts(len(rows), _HELD_OUT_PARTS):
        known, measured = [rows[place] for place in kept], [times[place] for place in kept]
        bounds, costs = conformal_bounds(left_out_errors(known, measured)), fit_costs(known, measured)
        inside += sum(bounds.holds(math.log(times[place] / cost_of(rows[place], costs))) for place in left)
    return inside / len(rows)


def _parts(count: int, parts: int) -> Iterator[tuple[list[int], list[int]]]:
    """Yield (left out, kept): every place is left out once, neighbours in different parts."""
    for part in range(min(parts, count)):
        left = list(range(part, count, parts))
        yield left, [place for place in range(count) if place % parts != part]


def fit_costs(rows: Sequence[Amounts], times: Sequence[float]) -> dict[str, float]:
    """Amount -> ms of each unit; what no row has keeps its ratio to the others."""
    names = sorted({name for row in rows for name in row})
    before = np.array([[row.get(name, 0.0) * BEFORE.get(name, 1.0) for name in names] for row in rows])
    truth = np.asarray(times, float)
    scale = float(np.median(truth / before.sum(axis=1)))
    factors = fit_shares(before * scale / truth[:, None], _PULL)
    fitted = dict(zip(names, scale * factors, strict=True))
    known = dict.fromkeys((*BEFORE, *names))
    return {name: BEFORE.get(name, 1.0) * float(fitted.get(name, scale)) for name in known}


def cost_of(row: Amounts, costs: Mapping[str, float]) -> float:
    """Ms of one inference; never quite zero, so that it has a logarithm."""
    return max(sum(amount * costs[name] for name, amount in row.items()), 1e-6)


def predict(table: Table, row: Amounts) -> Prediction:
    """Ms of one inference; wider, and by more than the interval's confidence says, for what was never measured."""
    value = cost_of(row, table.costs)
    unseen = sum(amount * table.costs[name] for name, amount in row.items() if name not in table.seen)
    low = (value - unseen) * math.exp(table.low) + unseen * math.exp(table.low) / _UNSEEN_SPREAD
    high = (value - unseen) * math.exp(table.high) + unseen * math.exp(table.high) * _UNSEEN_SPREAD
    return Prediction(value, low, high, unseen / value)


def bounds_of(table: Table) -> Bounds:
    """The interval of the table."""
    return Bounds(table.low, table.high, table.confidence)
