"""The rank of a noisy matrix, as variational Bayes finds it: in closed form but for the noise.

S. Nakajima, M. Sugiyama, S. D. Babacan, R. Tomioka, Global Analytic Solution of Fully-observed Variational Bayesian
Matrix Factorization, JMLR 14 (2013): the empirical Bayes solution and the estimate of the noise (section 4).
Written from the paper, in its symbols: L x M matrix with L <= M, alpha = L / M, singular values gamma.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

_STEPS = 400
_HALVINGS = 100


def vbmf_rank(matrix: np.ndarray) -> int:
    """How many singular values of `matrix` stand out of the noise in it; 0 where none does."""
    return vbmf(matrix)[0]


def vbmf(matrix: np.ndarray) -> tuple[int, float]:
    """The rank, and the variance of the noise.

    A singular value is kept where it is above `sqrt(M x noise x (1 + tau) (1 + alpha / tau))`, tau being the zero of
    `Phi(tau) + Phi(tau / alpha)`.
    """
    small, large = sorted(matrix.shape)
    alpha = small / large
    squares = np.linalg.svd(matrix, compute_uv=False) ** 2
    if not squares.any():
        return 0, 0.0
    tau = _tau_of_threshold(alpha)
    threshold = (1 + tau) * (1 + alpha / tau)
    noise = _noise(squares, large, alpha, threshold)
    return int((squares > large * noise * threshold).sum()), noise


def _tau_of_threshold(alpha: float) -> float:
    """The zero of `Phi(tau) + Phi(tau / alpha)`, which falls with tau; Phi(z) = log(1 + z) / z - 1/2."""

    def phi(z: float) -> float:
        return math.log1p(z) / z - 0.5

    low, high = 1e-9, 3.0  # Phi's own zero is at 2.5129, and alpha is at most 1
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if phi(middle) + phi(middle / alpha) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _noise(squares: np.ndarray, large: int, alpha: float, threshold: float) -> float:
    """The variance that minimises the free energy, within the bounds that the paper proves for it."""
    small = len(squares)
    most = min(math.ceil(small / (1 + alpha)) - 1, small - 1)
    upper = float(squares.sum()) / (small * large)
    lower = max(float(squares[most]) / (large * threshold), float(squares[most:].mean()) / large)
    lower = max(lower, upper * 1e-12)
    if lower >= upper:
        return upper

    def energy(variance: float) -> float:
        x = squares / (large * variance)
        above = x > threshold
        return float((x - np.log(np.maximum(x, 1e-300))).sum() + _psi(x[above], alpha).sum())

    grid = np.geomspace(lower, upper, _STEPS)
    best = int(np.argmin([energy(float(variance)) for variance in grid]))
    return _smallest(energy, float(grid[max(best - 1, 0)]), float(grid[min(best + 1, _STEPS - 1)]))


def _psi(x: np.ndarray, alpha: float) -> np.ndarray:
    """What a singular value above the threshold changes of the free energy."""
    half = x - (1 + alpha)
    tau = (half + np.sqrt(half**2 - 4 * alpha)) / 2
    return np.log1p(tau) + alpha * np.log1p(tau / alpha) - tau


def _smallest(function: Callable[[float], float], low: float, high: float) -> float:
    """Where `function` has its minimum in [low, high], by thirds."""
    for _ in range(_HALVINGS):
        first, second = low + (high - low) / 3, high - (high - low) / 3
        if function(first) <= function(second):
            high = second
        else:
            low = first
    return (low + high) / 2
