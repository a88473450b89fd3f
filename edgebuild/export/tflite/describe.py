"""A file compiled for an accelerator, as a page of the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from edgebuild.export.tflite.accelerated import Accelerated
from edgebuild.figure import format_value


def describe_accelerated(compiled: Accelerated, folder: str) -> RenderableType:
    """The accelerator's own report, what was lowered, what stays on the CPU, budgets, files."""
    parts: list[RenderableType] = [compiled.report.describe()]
    if compiled.lowered.changes:
        parts.append(Text(f"lowered: {', '.join(compiled.lowered.changes)} ({compiled.lowered.proof})"))
    for finding in compiled.findings:
        fatal = finding.severity == "fatal"
        parts.append(Text(f"{'✗' if fatal else ' '} {finding.code}: {finding.message}", "red" if fatal else ""))
    for budget in compiled.budgets:
        found = "not known" if budget.value is None else format_value(budget.value, budget.unit)
        mark = {True: "✓", False: "✗", None: " "}[budget.met]
        limit = format_value(budget.limit, budget.unit)
        parts.append(Text(f"{mark} {budget.name}: {found}, budget {limit}", "red" if budget.met is False else ""))
    parts.append(Text(f"{folder}: {', '.join(compiled.files)}"))
    return Group(*parts)
