"""The fitted factors of Arm boards; `benchmarks/arm_estimates.py --write` makes the file that holds them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources

FILE = "coefficients.json"


@dataclass(frozen=True)
class Coefficients:
    """Factors and how far they can be trusted.

    Attributes:
        factors: name of a term -> what it is multiplied with.
        spread: `int8` or `fp32` -> the factor that `confidence` of the published rows stay within, up or down, of an
            estimate that was fitted without their device.
        confidence: nominal coverage of the interval.
        rows: how many published rows of how many devices they were fitted to, in words.
    """

    factors: Mapping[str, float]
    spread: Mapping[str, float]
    confidence: float
    rows: str

    def to_text(self) -> str:
        """The text of the file."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"


@cache
def coefficients() -> Coefficients:
    """Read the file that lies beside this module."""
    text = resources.files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    return Coefficients(**json.loads(text))
