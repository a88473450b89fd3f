"""An interval from errors on data that was not fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

CONFIDENCE = 0.9


@dataclass(frozen=True)
class Bounds:
    """Ends of an interval as logarithms of (truth / estimate), and how often the truth is to lie between them."""

    low: float
    high: float
    confidence: float

    def holds(self, error: float) -> bool:
        """Whether log(truth / estimate) lies inside."""
        return self.low <= error <= self.high


def conformal_bounds(errors: Sequence[float], confidence: float = CONFIDENCE) -> Bounds:
    """Bounds that the next error stays within, from `errors` = log(truth / estimate) of rows left out of their fit.

    Both tails by order statistics of their own where there are enough errors (19 for 90 %), else the one of absolute
    values; with fewer than 9 the largest, which holds n / (n + 1) of the time (split conformal prediction: Lei et al.
    2018, JASA 113; with left-out residuals, the jackknife of Barber et al. 2021, Annals of Statistics 49).

    Raises:
        ValueError: there are no errors.
    """
    if not errors:
        msg = "an interval needs at least one error"
        raise ValueError(msg)
    ordered, count = sorted(errors), len(errors)
    rank = ceil((1 + confidence) / 2 * (count + 1))
    if rank <= count:
        return Bounds(ordered[count - rank], ordered[rank - 1], confidence)
    sizes = sorted(abs(error) for error in errors)
    rank = ceil(confidence * (count + 1))
    if rank <= count:
        return Bounds(-sizes[rank - 1], sizes[rank - 1], confidence)
    return Bounds(-sizes[-1], sizes[-1], count / (count + 1))
