"""`edgebuild build`: one verified artifact per target, a report, and an exit code that a CI job can trust."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgebuild.cli.options import DEFAULT_PROJECT, Jobs, Json, Project, Targets
from edgebuild.cli.output import emit

if TYPE_CHECKING:
    from edgebuild.graph.build import Built


def build(
    names: Annotated[list[str] | None, typer.Argument(metavar="[TARGET]...", help="The same as --target.")] = None,
    targets: Targets = None,
    project: Project = DEFAULT_PROJECT,
    jobs: Jobs = None,
    as_json: Json = False,
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
        built = build_project(loaded, [*(names or ()), *(targets or ())], jobs, observer, command)
    emit(_facts(built), as_json, lambda: _render(built))
    for line in _failures(built):
        typer.echo(f"error: {line}", err=True)
    raise typer.Exit(built.exit_code)


def _failures(built: Built) -> list[str]:
    """Every reason for an exit code that is not 0: errors, with the targets they stop, then what was missed."""
    from edgebuild.report.misses import misses

    stopped: dict[str, list[str]] = {}
    for stage in built.result.stages.values():
        if stage.error is not None:
            target, slash, _ = stage.stage_id.partition("/")
            stopped.setdefault(str(stage.error), []).extend([target] if slash else [])
    errors = [f"{', '.join(dict.fromkeys(names))}: {text}" if names else text for text, names in stopped.items()]
    return errors + [f"{what}\n  -> {remedy}" for what, remedy in misses(built.facts)]


def _facts(built: Built) -> dict[str, object]:
    stages = [result.to_json() for result in built.result.stages.values()]
    return {
        "exit_code": int(built.exit_code),
        "report": str(built.report),
        "stages": stages,
        "facts": built.facts.to_json(),
    }


def _render(built: Built) -> None:
    from rich.console import Console

    from edgebuild.report.summary import print_summary

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)
    print_summary(console, built.facts)
    for target in built.facts.targets:
        for finding in target.findings:
            if finding.severity == "allowed":
                warning = f"warning: {target.name}: {finding.code}: {finding.message}"
                console.print(warning, markup=False, soft_wrap=True)
    delivered = [target.artifact.folder for target in built.facts.targets if target.artifact and target.artifact.folder]
    if delivered:
        console.print(f"artifacts: {', '.join(delivered)}", markup=False, soft_wrap=True)
    console.print(f"report: {shown_path(built.report / 'index.html')}", markup=False, soft_wrap=True)


def shown_path(path: Path) -> Path:
    """The path as the user would type it: relative to the current folder where it lies below it."""
    here = Path.cwd()
    return path.resolve().relative_to(here) if path.resolve().is_relative_to(here) else path
