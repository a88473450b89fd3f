"""How the range of an activation comes from what calibration samples gave: one method a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgebuild.model.fakequant.observe import Statistics
from edgebuild.registry import Registry


@dataclass(frozen=True)
class CalibrationMethod:
    """One method.

    Attributes:
        title: one line for docs.
        range: (statistics of one activation, percentile) -> least and greatest value that the integers reach; the
            percentile is of interest to the method of that name only.
    """

    title: str
    range: Callable[[Statistics, float], tuple[float, float]]


METHODS: Registry[CalibrationMethod] = Registry("calibration method", "edgebuild.compress.quantize.methods")
