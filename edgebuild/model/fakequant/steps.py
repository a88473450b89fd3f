"""The steps of int8 activations: scale and zero point from a range, as both runtimes compute them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

ACTIVATION_MIN, ACTIVATION_MAX = -128, 127
WEIGHT_MAX = 127

_SILENT = 1e-9
"""A range that is narrower holds nothing but zeros; it becomes [0, 1], which holds a zero exactly."""


@dataclass(frozen=True)
class Steps:
    """real = (stored - zero_point) * scale, stored in [-128, 127]; the scale is a float32 number."""

    scale: float
    zero_point: int

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest real value."""
        return (ACTIVATION_MIN - self.zero_point) * self.scale, (ACTIVATION_MAX - self.zero_point) * self.scale

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @staticmethod
    def from_json(raw: Mapping[str, Any]) -> Steps:
        """Read `to_json`; other keys are ignored."""
        return Steps(float(raw["scale"]), int(raw["zero_point"]))


def steps_of(low: float, high: float) -> Steps:
    """The steps that reach from `low` to `high` and hold zero exactly: both are moved by less than one step for it."""
    low, high = min(low, 0.0), max(high, 0.0)
    if high - low < _SILENT:
        low, high = 0.0, 1.0
    scale = float(np.float32((high - low) / (ACTIVATION_MAX - ACTIVATION_MIN)))
    zero_point = round(ACTIVATION_MIN - low / scale)
    return Steps(scale, min(max(zero_point, ACTIVATION_MIN), ACTIVATION_MAX))
