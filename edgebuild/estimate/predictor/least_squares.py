"""Least squares with coefficients that are never negative, and their robust form; numpy only."""

from __future__ import annotations

import numpy as np

_TOLERANCE = 1e-10
_ROUNDS = 25
_SHARPEST = 0.03
"""Errors below 3 % all weigh the same: times repeat no better."""


def non_negative(gram: np.ndarray, target: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
    """The x >= 0 that minimises x' gram x / 2 - target' x.

    Lawson & Hanson 1974, Solving Least Squares Problems, chapter 23, on the normal equations.

    Args:
        gram: positive definite, [k, k].
        target: [k].
        start: [k], none below zero; the solution of a similar problem saves most of the work.
    """
    size = len(target)
    x = np.zeros(size) if start is None else start
    free, enough = x > 0, _TOLERANCE * float(np.abs(target).max())
    for _ in range(3 * size):
        x = _inside(gram, target, x, free)
        gradient = np.where(free, -np.inf, target - gram @ x)
        if gradient.max(initial=-np.inf) <= enough:
            break
        free[int(gradient.argmax())] = True
    return x


def _inside(gram: np.ndarray, target: np.ndarray, x: np.ndarray, free: np.ndarray) -> np.ndarray:
    """The best x of which only the free ones are above zero; those that would be below lose their freedom."""
    while free.any():
        solved = np.zeros(len(target))
        solved[free] = np.linalg.solve(gram[np.ix_(free, free)], target[free])
        low = free & (solved <= 0)
        if not low.any():
            return solved
        x = x + float(np.min(x[low] / (x[low] - solved[low]))) * (solved - x)
        free &= x > _TOLERANCE
        x[~free] = 0.0
    return np.zeros(len(target))


def fit_shares(shares: np.ndarray, pull: float) -> np.ndarray:
    """Factors [k] >= 0 so that `shares @ factors` is near 1 in every row, by the least sum of absolute errors.

    Iteratively reweighted least squares (Schlossmacher 1973, JASA 68), because the times of a device that changes its
    clock have outliers. Every factor is pulled towards 1, the more the larger its share is on average (ridge
    regression, Hoerl & Kennard 1970): with few rows what they do not tell apart moves together.

    Args:
        shares: [n, k], what each term adds to the time of a row as a share of the measured one, before the fit.
        pull: weight of the pull against that of one row's error.
    """
    rows = len(shares)
    ridge = np.diag(pull * rows * np.mean(shares, axis=0) ** 2 + 1e-12)
    weights, factors = np.ones(rows), np.zeros(shares.shape[1])
    for _ in range(_ROUNDS):
        weighted = shares * weights[:, None]
        factors = non_negative(weighted.T @ shares + ridge, weighted.sum(axis=0) + ridge.diagonal(), factors)
        weights = 1 / np.maximum(np.abs(shares @ factors - 1), _SHARPEST)
        weights /= weights.mean()
    return factors
