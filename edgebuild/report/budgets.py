"""Judging budgets: a limit is met only by a figure that exists."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Literal

from edgebuild.check.finding import Finding
from edgebuild.errors import ConfigError
from edgebuild.figure import Figure, format_value
from edgebuild.report.facts import BudgetResult

BUDGET_FIGURES: Mapping[str, str] = {
    "size": "file_size",
    "ram": "ram",
    "flash": "flash",
    "latency": "latency",
    "energy": "energy",
    "accuracy_drop": "accuracy_drop",
    "accuracy_min": "accuracy",
}
"""budget -> figure it is about. `latency` is the device's: the host's (`host_latency`) never meets a budget."""

_UNITS_OF_THE_METRIC = ("metric", "points")
"""Stand for the unit of the figure itself, which only the project's metric knows: an error in mm drops by mm."""

_UNITS: Mapping[str, tuple[str, float]] = {
    "B": ("B", 1.0),
    "KiB": ("B", 2.0**10),
    "MiB": ("B", 2.0**20),
    "GiB": ("B", 2.0**30),
    "us": ("s", 1e-6),
    "ms": ("s", 1e-3),
    "s": ("s", 1.0),
    "uJ": ("J", 1e-6),
    "mJ": ("J", 1e-3),
    "J": ("J", 1.0),
    "points": ("points", 1.0),
    "%": ("points", 1.0),
}


def judge(
    budgets: Mapping[str, tuple[float, str]], figures: Iterable[Figure], lower_limits: Collection[str] = ()
) -> list[BudgetResult]:
    """Judge every budget against the figures.

    Args:
        budgets: name -> (limit, unit), as the profile says, for example `{"size": (8.0, "MiB")}`.
        figures: all that is known of the target; the last one of a name counts.
        lower_limits: names of the budgets whose figure must be at least the limit.

    Any other budget is met when the figure's value is at most the limit; where the limit lies inside the figure's
    interval a note says so. A missing figure leaves it unjudged (`met` None), see `unjudged_findings`.

    Raises:
        ConfigError: a limit whose unit measures something else than its figure.
    """
    by_name = {figure.name: figure for figure in figures}
    return [
        _judge_one(name, limit, unit, by_name.get(BUDGET_FIGURES.get(name, name)), name in lower_limits)
        for name, (limit, unit) in budgets.items()
    ]


def unjudged_findings(results: Iterable[BudgetResult]) -> list[Finding]:
    """A finding for every budget that nothing could be held against: a limit that is not looked at protects nobody.

    Its code is `unjudged-` and the budget's name, so that a profile can accept one of them.
    """
    return [
        Finding(
            f"unjudged-{result.name.replace('_', '-')}",
            f"there is no {result.figure} to judge the budget on {result.name} by: {result.note}",
        )
        for result in results
        if result.met is None
    ]


def _judge_one(name: str, limit: float, unit: str, figure: Figure | None, is_lower_limit: bool) -> BudgetResult:
    figure_name = BUDGET_FIGURES.get(name, name)
    sense: Literal["max", "min"] = "min" if is_lower_limit else "max"
    if unit in _UNITS_OF_THE_METRIC and figure is not None:
        unit = figure.unit
    if figure is None or figure.value is None:
        reason = figure.provenance if figure is not None and figure.provenance else "not measured"
        return BudgetResult(name, limit, unit, figure_name, None, None, reason, sense)
    factor = conversion(figure.unit, unit)
    value = figure.value * factor
    note = ""
    if figure.low is not None and figure.high is not None and figure.low * factor <= limit < figure.high * factor:
        ends = f"{format_value(figure.low * factor, unit)} to {format_value(figure.high * factor, unit)}"
        note = f"within noise: the limit lies inside the interval ({ends})"
    met = value >= limit if is_lower_limit else value <= limit
    return BudgetResult(name, limit, unit, figure_name, value, met, note, sense)


def conversion(source: str, wanted: str) -> float:
    """Return what a number in unit `source` must be multiplied by to be in unit `wanted`.

    Raises:
        ConfigError: they measure different things.
    """
    if source == wanted:
        return 1.0
    if source not in _UNITS or wanted not in _UNITS or _UNITS[source][0] != _UNITS[wanted][0]:
        msg = f"a limit in {wanted} cannot be compared with a figure in {source}"
        raise ConfigError(msg)
    return _UNITS[source][1] / _UNITS[wanted][1]
