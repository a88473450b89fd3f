"""The least and the greatest value of all samples."""

from __future__ import annotations

from edgebuild.compress.quantize.methods import METHODS, CalibrationMethod
from edgebuild.model.fakequant.observe import Statistics


def min_max(found: Statistics, _percentile: float) -> tuple[float, float]:
    """Nothing is clipped; one outlier makes every step coarse."""
    return found.low, found.high


METHODS.register("min_max")(CalibrationMethod("least and greatest value of all samples", min_max))
