"""`edgebuild build`: one verified artifact per target, a report, and an exit code that a CI job can trust."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from edgebuild.cli.options import DEFAULT_PROJECT, Jobs, Json, Project, Targets
from edgebuild.cli.output import emit

if TYPE_CHECKING:
    from edgebuild.graph.build import Built


def build(
    targets: Targets = None, project: Project = DEFAULT_PROJECT, jobs: Jobs = None, as_json: Json = False
) -> None:
    """Build the project's targets; what is up to date is taken from the store.

    Exit code 0 if every target met its budgets and every step took effect, 1 if not, 2 to 4 for errors.
    """
    from edgebuild.config.load import load_project
    from edgebuild.graph.build import build_project
    from edgebuild.graph.progress_display import progress_display

    loaded = load_project(project)
    command = " ".join(["edgebuild", *sys.argv[1:]])
    with progress_display() as observer:
        built = build_project(loaded, targets or (), jobs, observer, command)
    emit(_facts(built), as_json, lambda: _render(built))
    for error in built.result.errors():
        typer.echo(f"error: {error}", err=True)
    raise typer.Exit(built.exit_code)


def _facts(built: Built) -> dict[str, object]:
    stages = [result.to_json() for result in built.result.stages.values()]
    return {
        "exit_code": int(built.exit_code),
        "report": str(built.report),
        "stages": stages,
        "facts": built.facts.to_json(),
    }


def _render(built: Built) -> None:
    from edgebuild.report.summary import print_summary

    print_summary(built.facts, built.report)
