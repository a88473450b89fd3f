"""The range that loses least information: the Kullback-Leibler divergence between values before and after."""

from __future__ import annotations

import numpy as np

from edgebuild.compress.quantize.methods import METHODS, CalibrationMethod
from edgebuild.model.fakequant.observe import Statistics

_LEVELS = 128
"""Of the magnitudes: half of the 256, whether a sign takes the others or not."""
_THRESHOLDS = 96
"""How many are tried."""


def entropy(found: Statistics, _percentile: float) -> tuple[float, float]:
    """The magnitude at which to clip, after Migacz, 8-bit Inference with TensorRT (GTC 2017); then both ends by it."""
    counts, width = _magnitudes(found)
    smallest = min(_LEVELS, len(counts))
    candidates = np.unique(np.linspace(smallest, len(counts), _THRESHOLDS).astype(int))
    divergences = [_divergence(counts, int(bins)) for bins in candidates]
    threshold = float(candidates[int(np.argmin(divergences))]) * width
    return max(found.low, -threshold), min(found.high, threshold)


def _magnitudes(found: Statistics) -> tuple[np.ndarray, float]:
    """Histogram of the magnitudes, and the width of a bin."""
    reach = max(-found.low, found.high)
    bins = len(found.counts)
    counts, _ = np.histogram(np.abs(found.centres), bins=bins, range=(0.0, reach), weights=found.counts)
    counts[0] = 0  # exact zeros stay exact whatever the range; they would hide the rest
    return counts, reach / bins


def _divergence(counts: np.ndarray, bins: int) -> float:
    """Of the first `bins` in full from the same in `_LEVELS` levels; what lies beyond is clipped into the last."""
    reference = counts[:bins].astype(np.float64)
    if not reference.any():
        return float("inf")
    level = np.minimum(np.arange(bins) * _LEVELS // bins, _LEVELS - 1)
    present = reference > 0
    sums = np.bincount(level, weights=reference, minlength=_LEVELS)
    sizes = np.bincount(level, weights=present.astype(np.float64), minlength=_LEVELS)
    spread = np.where(present, (sums / np.maximum(sizes, 1))[level], 0.0)
    reference[-1] += counts[bins:].sum()
    p, q = reference / reference.sum(), spread / spread.sum()
    both = (p > 0) & (q > 0)
    lost = float(p[(p > 0) & (q <= 0)].sum())
    return float(np.sum(p[both] * np.log(p[both] / q[both]))) + 10 * lost


METHODS.register("entropy")(CalibrationMethod("least loss of information (Kullback-Leibler)", entropy))
