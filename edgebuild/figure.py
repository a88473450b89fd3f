"""A figure: a number that says its unit, its kind, its interval and where it comes from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["measured", "emulated", "estimated", "published", "exact"]
"""`exact` is for counts that have no error: bytes of a file, parameters, MACs of a graph."""


@dataclass(frozen=True)
class Figure:
    """One number of a report.

    Attributes:
        name: stable key, snake_case: `latency`, `file_size`, `accuracy`, `peak_memory`, ...
        value: the number in `unit`; None where nothing measured it (missing is never guessed).
        unit: `ms`, `B`, `%`, `points`, `MAC`, `J`, `1` (ratio) ...
        kind: how it was obtained.
        low, high: the interval's ends in `unit`; None only for `exact` or missing figures.
        confidence: nominal coverage of the interval, in (0, 1); None where there is no interval.
        provenance: one line a reader can check: what ran where, how often.
    """

    name: str
    value: float | None
    unit: str
    kind: Kind
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    provenance: str = ""

    @property
    def missing(self) -> bool:
        """True where nobody obtained this number yet."""
        return self.value is None

    def to_json(self) -> dict[str, Any]:
        """Return the figure as plain JSON values, all keys always present."""
        return asdict(self)

    @staticmethod
    def from_json(raw: dict[str, Any]) -> Figure:
        """Rebuild a figure from `to_json`."""
        return Figure(**raw)

    def __str__(self) -> str:
        """For example `12.4 ms [11.9, 13.1] measured (host, 1 thread)`."""
        if self.value is None:
            return f"missing ({self.provenance})" if self.provenance else "missing"
        text = f"{format_value(self.value, self.unit)}"
        if self.low is not None and self.high is not None:
            text += f" [{format_number(self.low)}, {format_number(self.high)}]"
        text += f" {self.kind}"
        return f"{text} ({self.provenance})" if self.provenance else text


def format_number(value: float) -> str:
    """Three significant digits, no exponent for everyday sizes, whole numbers kept whole."""
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value)}"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def format_value(value: float, unit: str) -> str:
    """The number with its unit, bytes scaled to KiB and MiB: `23.1 KiB`, `12.4 ms`, `98.6 %`."""
    if unit == "B":
        for scale, name in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
            if abs(value) >= scale:
                return f"{value / scale:.4g} {name}"
        return f"{value:.0f} B"
    if unit == "%":
        return f"{value:.2f} %"
    if unit == "1":
        return format_number(value)
    return f"{format_number(value)} {unit}"
