"""The fitted times of the Edge TPU; `benchmarks/edgetpu_model.py --write` makes the file that holds them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources

FILE = "coefficients.json"


@dataclass(frozen=True)
class Coefficients:
    """Times and how far they can be trusted.

    Attributes:
        milliseconds: name of a term -> ms for each of its units.
        floor_ms, share: errors are compared as multiples of `floor_ms + share x estimate`.
        quantile: the multiple that `confidence` of the errors of left-out rows stay below.
        confidence: nominal coverage of the interval.
        source: what they were fitted to.
    """

    milliseconds: dict[str, float]
    floor_ms: float
    share: float
    quantile: float
    confidence: float
    source: str

    def half_width(self, estimate: float) -> float:
        """Half the interval around an estimate, in ms."""
        return self.quantile * (self.floor_ms + self.share * estimate)

    def to_text(self) -> str:
        """The text of the file."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"


@cache
def coefficients() -> Coefficients:
    """Read the file that lies beside this module."""
    text = resources.files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    return Coefficients(**json.loads(text))
