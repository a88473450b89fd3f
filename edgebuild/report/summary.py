"""The summary for a terminal: one screen, one row per target, at most 100 columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgebuild.report.compare import Change, Comparison
from edgebuild.report.facts import RunFacts
from edgebuild.report.headline import HeadlineRow, headline
from edgebuild.report.wording import DASH, interval_text, label, seconds_text, value_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

_STYLES = {"ok": "green", "missed": "red", "failed": "red", "error": "red", "skipped": "dim"}
_BUDGETS_WIDTH = 20
_TABLE_WIDTH = 100
_MARKS = {"met": "✓", "missed": "✗", "not measured": "?"}
_VERDICT_STYLES = {"changed": "bold", "within noise": "dim", "same": "dim"}


def print_summary(console: Console, facts: RunFacts) -> None:
    """Show what a build ends with: a table, or a few lines per target where the terminal is too narrow for it."""
    from rich.measure import Measurement

    table = summary_table(facts)
    needed = Measurement.get(console, console.options.update(max_width=_TABLE_WIDTH), table).maximum
    if needed <= console.width:
        console.print(table)
        for row in headline(facts):
            for line in _on_device(row):
                console.print(f"{row.target}: {line}", style="dim", markup=False, highlight=False)
        return
    console.print(str(table.title), markup=False, highlight=False)
    for row in headline(facts):
        console.print(f"{row.target}: {row.verdict}", style=_STYLES[row.status], markup=False, highlight=False)
        for line in _narrow(row, facts.project.metric):
            console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    console.print(str(table.caption), style="dim", markup=False, highlight=False)


def _narrow(row: HeadlineRow, metric: str) -> list[str]:
    values = (
        (f"size {row.size}", row.ratio and f"({row.ratio})"),
        (f"{metric} {row.accuracy}", row.accuracy_interval),
        (f"drop {row.drop}", row.drop_interval),
        (f"host latency {row.host_latency}", row.host_latency_interval),
    )
    lines = [f"{text} {detail}".rstrip() for text, detail in values if not text.endswith(DASH)]
    return [*lines, *_on_device(row), *(f"{_MARKS[state]} {text}" for state, _, text in row.budgets)]


def _on_device(row: HeadlineRow) -> list[str]:
    """`device latency 0.146 ms [0.103, 0.208] estimated`, where there is one: it is too wide for the table."""
    return [f"device latency {row.device_latency} {row.device_latency_interval}"] if row.device_latency_interval else []


def summary_table(facts: RunFacts) -> Table:
    """Return the table that a build ends with."""
    from rich import box
    from rich.table import Table

    targets = f"{len(facts.targets)} target{'' if len(facts.targets) == 1 else 's'}"
    title = f"{facts.project.name}: {targets} in {seconds_text(facts.run.seconds)}"
    table = Table(
        title=title,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        collapse_padding=True,
        pad_edge=False,
        show_edge=False,
        caption="✓ met  ✗ missed  ? not measured. Host latency is the build host's, not the device's.",
        caption_justify="left",
    )
    table.add_column("target", style="bold", max_width=18, overflow="fold")
    table.add_column("verdict", max_width=10)
    table.add_column("size", justify="right", max_width=9)
    table.add_column(facts.project.metric, justify="right", max_width=14)
    table.add_column("drop", justify="right", max_width=12)
    table.add_column("host latency", justify="right", max_width=9)
    table.add_column("budgets", max_width=_BUDGETS_WIDTH)
    for row in headline(facts):
        table.add_row(*_cells(row))
    return table


def _cells(row: HeadlineRow) -> tuple[str | Text, ...]:
    from rich.text import Text

    budgets = _wrap([f"{_MARKS[state]} {_short(name)}" for state, name, _ in row.budgets])
    return (
        Text(row.target),
        Text(row.verdict, style=_STYLES[row.status]),
        row.size if not row.ratio else f"{row.size}\n{row.ratio.split()[0]}",
        Text(f"{row.accuracy}\n{row.accuracy_interval}".rstrip()),
        row.drop,
        row.host_latency,
        Text(budgets or DASH),
    )


def _wrap(items: Sequence[str]) -> str:
    """Join items over lines that fit the column, never breaking within an item."""
    lines: list[str] = []
    for item in items:
        if lines and len(lines[-1]) + 2 + len(item) <= _BUDGETS_WIDTH:
            lines[-1] += f"  {item}"
        else:
            lines.append(item)
    return "\n".join(lines)


def _short(name: str) -> str:
    return name.lower().replace(" (device)", "")


def comparison_table(comparison: Comparison) -> Table:
    """Return one row per figure that is not the same in both runs."""
    from rich import box
    from rich.table import Table

    table = Table(
        title=f"{comparison.old_run} -> {comparison.new_run}", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1)
    )
    table.add_column("target", style="bold", max_width=20, overflow="fold")
    table.add_column("figure", max_width=26)
    table.add_column("before", justify="right", max_width=17)
    table.add_column("after", justify="right", max_width=17)
    table.add_column("verdict", max_width=14)
    for target, (old, new) in comparison.statuses.items():
        table.add_row(target, "status", old or DASH, new or DASH, "changed")
    for change in comparison.changes:
        if change.verdict != "same":
            table.add_row(*_change_cells(change))
    return table


def _change_cells(change: Change) -> tuple[str | Text, ...]:
    from rich.text import Text

    style = _VERDICT_STYLES.get(change.verdict, "yellow")
    if change.better is not None:
        style = "green" if change.better else "red"
    word = {True: ", better", False: ", worse", None: ""}[change.better]
    return (
        Text(change.target),
        label(change.figure),
        Text(f"{value_text(change.old)}\n{interval_text(change.old)}".rstrip()),
        Text(f"{value_text(change.new)}\n{interval_text(change.new)}".rstrip()),
        Text(f"{change.verdict}{word}", style=style),
    )
