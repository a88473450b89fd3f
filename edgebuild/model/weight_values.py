"""What tells the stored numbers of a weight: integers in whatever order of axes, and how many are different."""

from __future__ import annotations

import hashlib

import numpy as np


def values_digest(values: np.ndarray) -> str:
    """Of how often each integer occurs: equal for equal weights, whatever their layout; 16 hexadecimal digits."""
    present, counts = np.unique(values, return_counts=True)
    text = ",".join(f"{int(value)}:{int(count)}" for value, count in zip(present, counts, strict=True))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def magnitude(values: np.ndarray, scale: np.ndarray, axis: int | None) -> float:
    """Sum of real magnitudes, of integers whose zero point is 0; `scale` has one value, or one per index of `axis`."""
    shape = [1] * values.ndim
    if axis is not None and scale.size > 1:
        shape[axis] = scale.size
    return float(np.sum(np.abs(values.astype(np.float64)) * scale.astype(np.float64).reshape(shape)))


def distinct_along(values: np.ndarray) -> tuple[int, ...]:
    """For each dimension of a weight, the largest number of distinct values at one index of it."""
    _, codes = np.unique(values, return_inverse=True)
    codes = codes.reshape(values.shape)
    count = int(codes.max(initial=0)) + 1
    found = []
    for axis in range(values.ndim):
        rows = np.moveaxis(codes, axis, 0).reshape(values.shape[axis], -1).astype(np.int64)
        present = np.unique(rows + count * np.arange(len(rows))[:, None])
        found.append(int(np.bincount(present // count, minlength=1).max(initial=0)))
    return tuple(found)
