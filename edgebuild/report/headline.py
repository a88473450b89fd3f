"""The headline: one row per target, what a team pastes into a release note."""

from __future__ import annotations

from dataclasses import dataclass

from edgebuild.figure import Figure, format_value
from edgebuild.report.facts import BudgetResult, RunFacts, Status, TargetFacts, find_figure
from edgebuild.report.verdict import VERDICTS
from edgebuild.report.wording import DASH, interval_text, label, ratio_text, value_text


@dataclass(frozen=True)
class HeadlineRow:
    """One target in words; every text is ready to show. The size of a compiled model is the flash it takes."""

    target: str
    status: Status
    verdict: str
    file: str
    kind: str
    size: str
    ratio: str
    accuracy: str
    accuracy_interval: str
    drop: str
    drop_interval: str
    host_latency: str
    host_latency_interval: str
    device_latency: str
    device_latency_interval: str
    budgets: tuple[tuple[str, str, str], ...]
    """(state, name, full text) of each"""

    @property
    def budget_summary(self) -> str:
        """`2 met, 1 missed, 1 not measured`, or a dash."""
        states = [state for state, _, _ in self.budgets]
        parts = [f"{states.count(state)} {state}" for state in ("met", "missed", "not measured") if state in states]
        return ", ".join(parts) or DASH


def headline(facts: RunFacts) -> tuple[HeadlineRow, ...]:
    """Return the headline rows in the order of the targets."""
    base = find_figure(facts.baseline.figures, "file_size")
    return tuple(_row(target, base.value if base else None) for target in facts.targets)


def _row(target: TargetFacts, base_bytes: float | None) -> HeadlineRow:
    accuracy, drop = target.figure("accuracy"), target.figure("accuracy_drop")
    host, device = target.figure("host_latency"), target.figure("latency")
    artifact, plain = target.artifact, target.figure("float_file_size")
    flash = target.figure("flash") if target.firmware else None
    size = flash.value if flash and flash.value else float(artifact.bytes) if artifact else None
    return HeadlineRow(
        target=target.name,
        status=target.status,
        verdict=VERDICTS[target.status],
        file=artifact.file if artifact else DASH,
        kind=f"{artifact.format} {artifact.dtype}" if artifact else DASH,
        size=format_value(size, "B") if size is not None else DASH,
        ratio=ratio_text(size, plain.value if plain else base_bytes),
        accuracy=value_text(accuracy),
        accuracy_interval=interval_text(accuracy),
        drop=value_text(drop),
        drop_interval=interval_text(drop),
        host_latency=value_text(host),
        host_latency_interval=interval_text(host),
        device_latency=value_text(device) if artifact else DASH,
        device_latency_interval=_with_kind(device) if artifact else "",
        budgets=tuple((budget_state(budget), label(budget.name), budget_text(budget)) for budget in target.budgets),
    )


def _with_kind(figure: Figure | None) -> str:
    """`[14.2, 18.5] estimated`; empty where there is no value."""
    if figure is None or figure.value is None:
        return ""
    return f"{interval_text(figure)} {figure.kind}".strip()


def budget_state(budget: BudgetResult) -> str:
    """`met`, `missed` or `not measured`."""
    if budget.met is None:
        return "not measured"
    return "met" if budget.met else "missed"


def budget_text(budget: BudgetResult) -> str:
    """`size 22.7 KiB of 64 KiB`, `accuracy_min 95.1 % of at least 96 %`, `latency not measured (limit 60 ms)`."""
    limit = budget_limit_text(budget)
    if budget.value is None:
        return f"{budget.name} not measured (limit {limit})"
    return f"{budget.name} {limit_text(budget.value, budget.unit)} of {limit}"


def budget_limit_text(budget: BudgetResult) -> str:
    """`64 KiB`, `at least 96 %`."""
    limit = limit_text(budget.limit, budget.unit)
    return f"at least {limit}" if budget.sense == "min" else limit


def limit_text(value: float, unit: str) -> str:
    """A limit or value in its unit; `KiB` and `MiB` stay as the profile wrote them."""
    return f"{value:.4g} {unit}" if unit in ("KiB", "MiB", "GiB") else format_value(value, unit)
