"""Quantities with units, as they stand in YAML, and the one unit each kind has in code.

| kind | YAML | in code |
|---|---|---|
| bytes | `512 KiB`, `8 MB` | `int`, B |
| time | `60 ms`, `600 s` | `float`, ms |
| frequency | `1.5 GHz` | `float`, Hz |
| energy | `2 mJ` | `float`, mJ |
| power | `40 mW` | `float`, mW |
| bandwidth | `5.5 GB/s` | `float`, B/s |
| temperature | `60 °C` | `float`, °C |

`model_dump()` gives the value in code, `model_dump(mode="json")` the text, which reads back to the same value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from edgebuild.config.wording import BadValueError

_NUMBER_AND_UNIT = re.compile(r"\s*([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)\s*([A-Za-zµ°%/]*)\s*")


@dataclass(frozen=True, eq=False)
class Dimension:
    """One kind of quantity.

    Attributes:
        name: word for messages.
        units: unit -> factor to the unit used in code.
        unit: the unit used in code.
        example: what a right value looks like.
        whole: True where the value in code is a whole number.
    """

    name: str
    units: Mapping[str, float]
    unit: str
    example: str
    whole: bool = False

    def parse(self, value: Any) -> int | float:
        """The value in `unit`, from text like `60 ms`.

        Raises:
            BadValueError: no unit, an unknown unit, not a number, a negative or an infinite one, or a part of a byte.
        """
        match = _NUMBER_AND_UNIT.fullmatch(value) if isinstance(value, str) else None
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            msg = f"a unit is missing; write it like '{self.example}' (units: {', '.join(self.units)})"
            raise BadValueError(msg)
        if match is None:
            msg = f"expected {self.name} with a unit, like '{self.example}'"
            raise BadValueError(msg, tell_found=True)
        number, unit = match.groups()
        if not unit:
            msg = f"a unit is missing; write it like '{self.example}' (units: {', '.join(self.units)})"
            raise BadValueError(msg)
        if unit not in self.units:
            hint = self._same_letters(unit) or f"; known: {', '.join(self.units)}"
            msg = f"unknown unit {unit!r} of {self.name}{hint}"
            raise BadValueError(msg)
        return self._scaled(float(number), unit, value)

    def _same_letters(self, unit: str) -> str:
        near = [known for known in self.units if known.lower() == unit.lower()]
        return f"; did you mean {near[0]!r}?" if near else ""

    def _scaled(self, number: float, unit: str, text: str) -> int | float:
        scaled = number * self.units[unit]
        if number < 0:
            msg = f"{text.strip()} is negative"
            raise BadValueError(msg)
        if not isfinite(scaled):
            msg = f"{text.strip()} is too large"
            raise BadValueError(msg)
        if not self.whole:
            return scaled
        if unit == self.unit and scaled != int(scaled):
            msg = f"{text.strip()} is not a whole number of bytes"
            raise BadValueError(msg)
        return round(scaled)

    def json_schema(self) -> dict[str, Any]:
        """The JSON Schema of the text."""
        units = "|".join(re.escape(unit) for unit in self.units)
        return {
            "type": "string",
            "pattern": rf"^\s*(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?\s*({units})\s*$",
            "examples": [self.example],
            "title": self.name,
        }

    def show(self, value: float) -> str:
        """`value` (in `unit`) as YAML takes it, without loss and as short as can be."""
        texts = [f"{value / factor:.12g} {unit}" for unit, factor in self.units.items() if value >= factor]
        exact = [text for text in texts if self.parse(text) == value]
        return min(exact, key=len, default=f"{value!r} {self.unit}")


BYTES = Dimension(
    "a size",
    {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "kB": 10**3, "MB": 10**6, "GB": 10**9},
    "B",
    "512 KiB",
    whole=True,
)
TIME = Dimension("a time", {"us": 1e-3, "ms": 1.0, "s": 1e3}, "ms", "60 ms")
FREQUENCY = Dimension("a frequency", {"Hz": 1.0, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9}, "Hz", "120 MHz")
ENERGY = Dimension("an energy", {"uJ": 1e-3, "mJ": 1.0, "J": 1e3}, "mJ", "2 mJ")
POWER = Dimension("a power", {"mW": 1.0, "W": 1e3}, "mW", "40 mW")
VOLTAGE = Dimension("a voltage", {"mV": 1e-3, "V": 1.0}, "V", "3.3 V")
TEMPERATURE = Dimension("a temperature", {"°C": 1.0, "C": 1.0}, "°C", "60 °C")
BANDWIDTH = Dimension("a bandwidth", {"B/s": 1.0, "MB/s": 1e6, "GB/s": 1e9}, "B/s", "5.5 GB/s")


def _quantity(dimension: Dimension) -> tuple[Any, ...]:
    shown = PlainSerializer(dimension.show, when_used="json")
    return (BeforeValidator(dimension.parse), shown, WithJsonSchema(dimension.json_schema()), dimension)


Bytes = Annotated[int, *_quantity(BYTES)]
"""Written `512 KiB`; an `int` of B in code."""

Milliseconds = Annotated[float, *_quantity(TIME)]
"""Written `60 ms`; a `float` of ms in code."""

Hertz = Annotated[float, *_quantity(FREQUENCY)]
"""Written `120 MHz`; a `float` of Hz in code."""

Millijoules = Annotated[float, *_quantity(ENERGY)]
"""Written `2 mJ`; a `float` of mJ in code."""

Milliwatts = Annotated[float, *_quantity(POWER)]
"""Written `40 mW`; a `float` of mW in code."""

Volts = Annotated[float, *_quantity(VOLTAGE)]
"""Written `3.3 V`; a `float` of V in code."""

BytesPerSecond = Annotated[float, *_quantity(BANDWIDTH)]
"""Written `5.5 GB/s`; a `float` of B/s in code."""

Celsius = Annotated[float, *_quantity(TEMPERATURE)]
"""Written `60 °C`; a `float` of degrees Celsius in code."""
