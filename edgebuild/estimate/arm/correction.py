"""What measured times of a board say of the estimates of its emulation: a factor, and the interval that is left."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

from edgebuild.config.wording import threads_words
from edgebuild.estimate.predictor.conformal import Bounds, conformal_bounds
from edgebuild.figure import Figure


@dataclass(frozen=True)
class Correction:
    """A factor for all estimates of one dtype and number of threads.

    Attributes:
        dtype: what the instructions compute in, `int8` or `fp32`.
        threads: of the measured runtime.
        networks: how many were measured.
        factor: what an estimate is multiplied by.
        low, high, confidence: see `Bounds`, from networks that were left out of the factor.
        error: median of |estimate / time - 1| of left-out networks.
    """

    dtype: str
    threads: int
    networks: int
    factor: float
    low: float
    high: float
    confidence: float
    error: float

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @staticmethod
    def from_json(raw: Mapping[str, Any]) -> Correction:
        """Rebuild a correction from `to_json`."""
        return Correction(**raw)

    def applied(self, figure: Figure, about: str) -> Figure:
        """An estimated time corrected, with the interval of measured networks.

        Args:
            figure: an uncorrected estimate, in ms.
            about: what was measured, in words.
        """
        assert figure.value is not None, "asked for before"
        value = self.factor * figure.value
        return replace(
            figure,
            value=value,
            low=value * math.exp(self.low),
            high=value * math.exp(self.high),
            confidence=self.confidence,
            provenance=f"{figure.provenance.partition('; interval of')[0]}; x {self.factor:.3g} and interval by "
            f"{self.networks} networks that were measured with {threads_words(self.threads)} ({about})",
        )


def fit_correction(errors: Sequence[float], dtype: str, threads: int) -> Correction:
    """Fit the factor that suits half of the networks to be above and half below.

    Args:
        errors: log(time / estimate) of each network, at least two.
        dtype: as `Correction` has it.
        threads: of all of them.
    """
    left_out = [
        error - median(other for place, other in enumerate(errors) if place != left)
        for left, error in enumerate(errors)
    ]
    bounds: Bounds = conformal_bounds(left_out)
    return Correction(
        dtype=dtype,
        threads=threads,
        networks=len(errors),
        factor=float(f"{math.exp(median(errors)):.6g}"),
        low=float(f"{bounds.low:.6g}"),
        high=float(f"{bounds.high:.6g}"),
        confidence=bounds.confidence,
        error=float(f"{median(abs(math.expm1(-error)) for error in left_out):.6g}"),
    )
