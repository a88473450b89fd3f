"""A range that leaves out the outermost values."""

from __future__ import annotations

import numpy as np

from edgebuild.compress.quantize.methods import METHODS, CalibrationMethod
from edgebuild.model.fakequant.observe import Statistics


def percentile(found: Statistics, share: float) -> tuple[float, float]:
    """`share` percent of the values lie below the upper end, and as many above the lower one, to one bin.

    An end at zero stays: the values of a ReLU pile up there.
    """
    below = np.cumsum(found.counts) / found.counts.sum()
    edges = found.edges
    high = float(edges[1:][np.searchsorted(below, share / 100)])
    low = float(edges[:-1][np.searchsorted(below, 1 - share / 100, side="right")])
    return (0.0 if found.low >= 0 else min(low, 0.0)), max(high, 0.0)


METHODS.register("percentile")(CalibrationMethod("without the outermost values, see `percentile`", percentile))
