"""`edgebuild report`: the summary of a run, where its page is, and what changed since another run."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgebuild.cli.options import DEFAULT_PROJECT, Json, Project
from edgebuild.cli.output import emit

if TYPE_CHECKING:
    from edgebuild.report.compare import Comparison
    from edgebuild.report.facts import RunFacts


class Open(StrEnum):
    """Whether to open the page in a browser."""

    YES = "yes"
    NO = "no"


def report(
    run: Annotated[str | None, typer.Argument(help="Run id, its beginning, or a path; default: the latest.")] = None,
    project: Project = DEFAULT_PROJECT,
    open_page: Annotated[Open, typer.Option("--open", help="Open the page in a browser.")] = Open.NO,
    other: Annotated[
        str | None, typer.Option("--compare", metavar="OTHER", help="Show what changed since that run.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the summary of a run and the path of its page."""
    from edgebuild.report.compare import compare
    from edgebuild.report.read import find_report, read_report

    root = project if project.is_dir() else project.parent
    folder = find_report(run, root / "reports")
    facts = read_report(folder)
    page = folder / "index.html"
    if other is None:
        emit({"path": str(folder), "report": facts.to_json()}, as_json, lambda: _render(facts, page))
    else:
        comparison = compare(read_report(find_report(other, root / "reports")), facts)
        emit(comparison.to_json(), as_json, lambda: _render_comparison(comparison, page))
    if open_page is Open.YES:
        typer.launch(page.resolve().as_uri())


def _render(facts: RunFacts, page: Path) -> None:
    from rich.console import Console

    from edgebuild.report.summary import print_summary

    print_summary(Console(width=None if sys.stdout.isatty() else 100), facts)
    typer.echo(f"report: {page}")


def _render_comparison(comparison: Comparison, page: Path) -> None:
    from rich.console import Console

    from edgebuild.report.summary import comparison_table

    changed = [change for change in comparison.changes if change.verdict not in ("same", "within noise")]
    if changed or comparison.statuses or any(change.verdict != "same" for change in comparison.changes):
        Console(width=None if sys.stdout.isatty() else 100).print(comparison_table(comparison))
    typer.echo(f"{len(changed)} of {len(comparison.changes)} figures changed")
    typer.echo(f"report: {page}")
