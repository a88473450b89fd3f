"""Least squares with coefficients that are never negative, and their robust form; numpy only."""

from __future__ import annotations

import numpy as np

_TOLERANCE = 1e-10
_ROUNDS = 25
_SHARPEST = 0.03
"""Errors below 3 % all weigh the same: times repeat no better."""


def non_negative(gram: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The x >= 0 that minimises x' gram x / 2 - target' x.

    Lawson & Hanson 1974, Solving Least Squares Problems, chapter 23, on the normal equations.

    Args:
        gram: positive definite, [k, k].
        target: [k].
    """
    size = len(target)
    free, x = np.zeros(size, bool), np.zeros(size)
    for _ in range(3 * size):
        gradient = np.where(free, -np.inf, target - gram @ x)
        if gradient.max(initial=-np.inf) <= _TOLERANCE:
            break
        free[int(gradient.argmax())] = True
        while True:
            solved = np.zeros(size)
            solved[free] = np.linalg.solve(gram[np.ix_(free, free)], target[free])
            if not (free & (solved <= 0)).any():
                break
            low = free & (solved <= 0)
            x = x + float(np.min(x[low] / (x[low] - solved[low]))) * (solved - x)
            free &= x > _TOLERANCE
            x[~free] = 0.0
        x = solved
    return x


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
    weights = np.ones(rows)
    for _ in range(_ROUNDS):
        weighted = shares * weights[:, None]
        factors = non_negative(weighted.T @ shares + ridge, weighted.sum(axis=0) + ridge.diagonal())
        weights = 1 / np.maximum(np.abs(shares @ factors - 1), _SHARPEST)
        weights /= weights.mean()
    return factors
