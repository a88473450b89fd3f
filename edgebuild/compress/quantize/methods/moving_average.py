"""The least and the greatest value of each batch of samples, averaged as they come."""

from __future__ import annotations

from edgebuild.compress.quantize.methods import METHODS, CalibrationMethod
from edgebuild.model.fakequant.observe import Statistics

_BATCH = 32
"""Samples; of single ones the average would leave out what half of them reach."""
_MOMENTUM = 0.1
"""Share of each new batch, at least: the first ones count alike."""


def moving_average(found: Statistics, _percentile: float) -> tuple[float, float]:
    """An outlier counts little unless many batches have one (Jacob et al., CVPR 2018, section 3.1)."""
    batches = [found.rows[start : start + _BATCH] for start in range(0, len(found.rows), _BATCH)]
    ends = [(min(low for low, _ in batch), max(high for _, high in batch)) for batch in batches]
    low, high = ends[0]
    for number, (new_low, new_high) in enumerate(ends[1:], 2):
        share = max(_MOMENTUM, 1 / number)
        low += share * (new_low - low)
        high += share * (new_high - high)
    return low, high


METHODS.register("moving_average")(CalibrationMethod("that of each batch of samples, averaged", moving_average))
