"""The headline as a static SVG: size, accuracy and host latency of every target against the float baseline.

It stands at the top of the page, where no script is needed to see it, and beside it as headline.svg for a README.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgebuild.figure import Figure, format_number
from edgebuild.report.facts import RunFacts, find_figure
from edgebuild.report.templating import environment
from edgebuild.report.wording import interval_text, value_text

WIDTH = 960
ROW_HEIGHT = 34
TOP = 42
NAME_WIDTH = 170
COLUMN_WIDTH = 236
COLUMN_GAP = 26


@dataclass(frozen=True)
class Mark:
    """One figure in its column: positions in SVG units.

    low and high are None where it has no interval, plain where there is no float32 file of the same format to compare.
    """

    x: float
    plain: float | None
    low: float | None
    high: float | None
    text: str
    title: str


@dataclass(frozen=True)
class Column:
    """One column: a scale with ticks, a reference line at the baseline, and a mark (or None) per row."""

    title: str
    left: float
    right: float
    bars: bool
    ticks: tuple[tuple[float, str], ...]
    reference: float | None
    marks: tuple[Mark | None, ...]

    @property
    def has_plain(self) -> bool:
        """Whether any row is compared with a float32 file."""
        return any(mark is not None and mark.plain is not None for mark in self.marks)


@dataclass(frozen=True)
class _Spec:
    name: str
    plain: str | None
    title: str
    from_zero: bool


_COLUMNS = (
    _Spec("file_size", "float_file_size", "file size", from_zero=True),
    _Spec("accuracy", None, "accuracy, validation data", from_zero=False),
    _Spec("host_latency", "float_host_latency", "latency on the build host", from_zero=True),
)


def headline_svg(facts: RunFacts) -> str:
    """Return the picture as an SVG document; targets without a file are named but have no marks."""
    rows = [("float baseline", facts.baseline.figures)]
    rows += [(target.name, target.figures) for target in facts.targets if target.status != "skipped"]
    columns = [_column(spec, index, [figures for _, figures in rows]) for index, spec in enumerate(_COLUMNS)]
    template = environment().get_template("headline.svg.j2")
    drawn: str = template.render(
        project=facts.project.name,
        names=[_shorten(name) for name, _ in rows],
        columns=[column for column in columns if any(column.marks)],
        width=WIDTH,
        height=TOP + ROW_HEIGHT * len(rows) + 36,
        top=TOP,
        row_height=ROW_HEIGHT,
        bottom=TOP + ROW_HEIGHT * len(rows),
    )
    return drawn


def _shorten(name: str, longest: int = 24) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"


def _column(spec: _Spec, index: int, rows: Sequence[tuple[Figure, ...]]) -> Column:
    left = NAME_WIDTH + index * (COLUMN_WIDTH + COLUMN_GAP)
    right = left + COLUMN_WIDTH
    figures = [find_figure(figures, spec.name) for figures in rows]
    plain = [find_figure(figures, spec.plain) if spec.plain else None for figures in rows]
    low, high = _range([*figures, *plain], from_zero=spec.from_zero)

    def place(value: float) -> float:
        return left + (value - low) / (high - low) * (right - left)

    marks = tuple(_mark(figure, other, place) for figure, other in zip(figures, plain, strict=True))
    base = marks[0].x if marks and marks[0] is not None else None
    unit = next((figure.unit for figure in figures if figure is not None), "")
    ticks = tuple((place(value), _tick_text(value, unit)) for value in _ticks(low, high, unit))
    return Column(spec.title, left, right, spec.from_zero, ticks, base, marks)


def _range(figures: Sequence[Figure | None], *, from_zero: bool) -> tuple[float, float]:
    ends = [end for f in figures if f is not None for end in (f.low, f.value, f.high) if end is not None]
    if not ends:
        return 0.0, 1.0
    low, high = min(ends), max(ends)
    # Both leave room on the right for the number.
    if from_zero:
        return 0.0, (high or 1.0) * 1.32
    pad = (high - low) * 0.06 or abs(high) * 0.01 or 1.0
    return low - pad, high + pad * 7


def _mark(figure: Figure | None, plain: Figure | None, place: Callable[[float], float]) -> Mark | None:
    if figure is None or figure.value is None:
        return None
    title = f"{value_text(figure)} {interval_text(figure)}".strip()
    if plain is not None and plain.value is not None:
        title += f"; the float32 file: {value_text(plain)} {interval_text(plain)}".rstrip()
    return Mark(
        x=place(figure.value),
        plain=place(plain.value) if plain is not None and plain.value is not None else None,
        low=place(figure.low) if figure.low is not None else None,
        high=place(figure.high) if figure.high is not None else None,
        text=value_text(figure),
        title=title,
    )


def _ticks(low: float, high: float, unit: str) -> list[float]:
    """About three round values inside [low, high]; bytes step in powers of two."""
    rough = (high - low) / 4
    base = 2.0 if unit == "B" else 10.0
    power = base ** _floor_log(rough, base)
    step = next((power * factor for factor in (1, 2, 5, 10) if power * factor >= rough), power * 10)
    first = int(low / step) * step
    values = [first + step * i for i in range(8)]
    highest = min(high, 100.0) if unit == "%" else high
    return [value for value in values if low <= value <= highest]


def _floor_log(value: float, base: float) -> int:
    power = 0
    while base**power > value:
        power -= 1
    while base ** (power + 1) <= value:
        power += 1
    return power


def _tick_text(value: float, unit: str) -> str:
    if unit == "B":
        return f"{value / 1024:.4g} KiB" if value < 2**20 else f"{value / 2**20:.4g} MiB"
    return f"{format_number(round(value, 9))} {unit}".strip()
