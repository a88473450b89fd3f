"""What tells the stored integers of a weight, in whatever order of axes a file has them."""

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
