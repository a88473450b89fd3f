"""The range with the least squared error of rounding and clipping together."""

from __future__ import annotations

import numpy as np

from edgebuild.compress.quantize.methods import METHODS, CalibrationMethod
from edgebuild.model.fakequant.observe import Statistics
from edgebuild.model.fakequant.steps import ACTIVATION_MAX, ACTIVATION_MIN, steps_of

_SHARES = np.linspace(1.0, 0.1, 46)
"""How much of each end is tried."""


def mse(found: Statistics, _percentile: float) -> tuple[float, float]:
    """Both ends are drawn in together, then each alone (Nagel et al., A White Paper on NN Quantization, 2021, 3.1)."""
    low, high = min(found.low, 0.0), max(found.high, 0.0)

    def best(candidates: list[tuple[float, float]]) -> tuple[float, float]:
        return min(candidates, key=lambda ends: _error(found, *ends))

    low, high = best([(share * low, share * high) for share in _SHARES])
    low, high = best([(share * low, high) for share in _SHARES])
    return best([(low, share * high) for share in _SHARES])


def _error(found: Statistics, low: float, high: float) -> float:
    """Squared error over the histogram, every value taken as the centre of its bin."""
    steps = steps_of(low, high)
    stored = np.clip(np.rint(found.centres / steps.scale) + steps.zero_point, ACTIVATION_MIN, ACTIVATION_MAX)
    rounded = (stored - steps.zero_point) * steps.scale
    inside = steps.scale**2 / 12 if steps.scale < found.width else 0.0  # finer than a bin, which its centre hides
    return float(np.sum(found.counts * ((rounded - found.centres) ** 2 + inside)))


METHODS.register("mse")(CalibrationMethod("least squared error", mse))
