"""Two runs compared: which figures changed, and which moved no more than their intervals allow."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from edgebuild.figure import Figure
from edgebuild.report.facts import RunFacts

Verdict = Literal["same", "within noise", "changed", "appeared", "disappeared"]

HIGHER_IS_BETTER = frozenset({"agreement"})
"""`accuracy` is the project's metric, whose direction the run says."""
LOWER_IS_BETTER = frozenset(
    {
        "accuracy_drop",
        "energy",
        "file_size",
        "flash",
        "host_latency",
        "host_load_time",
        "host_memory_over_idle",
        "host_peak_memory",
        "latency",
        "latency_p90",
        "latency_p99",
        "macs",
        "parameters",
        "ram",
        "ship_size",
    }
)


@dataclass(frozen=True)
class Change:
    """One figure of one target (or of `baseline`) in both runs.

    Attributes:
        old, new: None where the run has no such figure; it may also be there and missing.
        verdict: `within noise` where the difference is smaller than its own interval.
        better: True or False for a change whose direction matters, else None.
    """

    target: str
    figure: str
    old: Figure | None
    new: Figure | None
    verdict: Verdict
    better: bool | None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Comparison:
    """All figures of two runs, in the order of the new run; `statuses` is target -> (old, new) where they differ."""

    old_run: str
    new_run: str
    changes: tuple[Change, ...]
    statuses: dict[str, tuple[str | None, str | None]]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def compare(old: RunFacts, new: RunFacts) -> Comparison:
    """Compare two runs figure by figure.

    A difference counts as a change when it exceeds sqrt(h_old^2 + h_new^2), the half-width of the difference's own
    interval for independent figures (Schenker & Gentleman 2001, On Judging the Significance of Differences by
    Examining the Overlap Between Confidence Intervals). For accuracies on the same samples, which are not
    independent, that is on the careful side. Exact figures changed if they differ at all.
    """
    before, after = _by_target(old), _by_target(new)
    names = [*after, *(name for name in before if name not in after)]
    higher = HIGHER_IS_BETTER | ({"accuracy"} if new.baseline.higher_is_better else set())
    changes = [change for name in names for change in _changes(name, before.get(name, ()), after.get(name, ()), higher)]
    old_status = {target.name: target.status for target in old.targets}
    new_status = {target.name: target.status for target in new.targets}
    statuses: dict[str, tuple[str | None, str | None]] = {
        name: (old_status.get(name), new_status.get(name))
        for name in names
        if old_status.get(name) != new_status.get(name)
    }
    return Comparison(old.run.id, new.run.id, tuple(changes), statuses)


def _by_target(facts: RunFacts) -> dict[str, tuple[Figure, ...]]:
    return {"baseline": facts.baseline.figures, **{target.name: target.figures for target in facts.targets}}


def _changes(target: str, old: Sequence[Figure], new: Sequence[Figure], higher: Collection[str]) -> list[Change]:
    before = {figure.name: figure for figure in old}
    after = {figure.name: figure for figure in new}
    names = [*after, *(name for name in before if name not in after)]
    return [_change(target, name, before.get(name), after.get(name), higher) for name in names]


def _change(target: str, name: str, old: Figure | None, new: Figure | None, higher: Collection[str]) -> Change:
    verdict = judge_change(old, new)
    better = None
    if verdict == "changed" and old is not None and new is not None:
        assert old.value is not None
        assert new.value is not None
        if name in higher:
            better = new.value > old.value
        elif name in LOWER_IS_BETTER or name == "accuracy":
            better = new.value < old.value
    return Change(target, name, old, new, verdict, better)


def judge_change(old: Figure | None, new: Figure | None) -> Verdict:
    """Say whether a figure changed; a unit that changed is a change."""
    old_value = old.value if old is not None else None
    new_value = new.value if new is not None else None
    if old_value is None or new_value is None or old is None or new is None:
        if old_value is None and new_value is None:
            return "same"
        return "appeared" if old_value is None else "disappeared"
    if old.unit != new.unit:
        return "changed"
    difference = new_value - old_value
    if difference == 0:
        return "same"
    # The end that faces the other figure is the one that matters where an interval is lopsided.
    reach = math.hypot(_half_width(old, upwards=difference > 0), _half_width(new, upwards=difference < 0))
    return "within noise" if abs(difference) <= reach else "changed"


def _half_width(figure: Figure, *, upwards: bool) -> float:
    if figure.value is None or figure.low is None or figure.high is None:
        return 0.0
    return figure.high - figure.value if upwards else figure.value - figure.low
