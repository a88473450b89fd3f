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
        spread: what `kind_of_row` says -> the factor that `confidence` of such published rows stay within, up or down,
            of an estimate that was fitted without their device.
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


def kind_of_row(dtype: str, threads: int) -> str:
    """What has an interval of its own: `int8` or `fp32`, with one thread or with several, which are harder to tell."""
    return f"{dtype}, {'one thread' if threads == 1 else 'several threads'}"


@cache
def coefficients() -> Coefficients:
    """Read the file that lies beside this module."""
    text = resources.files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    return Coefficients(**json.loads(text))
