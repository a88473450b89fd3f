"""`edgebuild explain`: what a build would do with every stage, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from edgebuild.cli.options import DEFAULT_PROJECT, Json, Project
from edgebuild.cli.output import emit

if TYPE_CHECKING:
    from edgebuild.graph.explain import StageExplanation


def explain(
    targets: Annotated[list[str] | None, typer.Argument(metavar="[TARGET]...", help="Default: all.")] = None,
    project: Project = DEFAULT_PROJECT,
    as_json: Json = False,
) -> None:
    """Say of every stage whether it is cached and, if not, which input changed."""
    from edgebuild.config.load import load_project
    from edgebuild.graph.assemble import build_graph
    from edgebuild.graph.explain import explain as explain_stages
    from edgebuild.graph.store import read_store

    loaded = load_project(project)
    stages = explain_stages(build_graph(loaded, targets or ()), read_store(loaded.root), loaded.root)
    facts = {
        "stages": [stage.to_json() for stage in stages],
        "cached": sum(stage.cached for stage in stages),
        "to_run": sum(not stage.cached and stage.blocked is None for stage in stages),
        "blocked": sum(stage.blocked is not None for stage in stages),
    }
    emit(facts, as_json, lambda: _render(stages))


def _render(stages: list[StageExplanation]) -> None:
    from edgebuild.progress import format_duration

    width = max(len(stage.stage_id) for stage in stages)
    for stage in stages:
        took = "" if stage.seconds is None else f"  ({format_duration(stage.seconds)})"
        state = "blocked" if stage.blocked is not None else "cached" if stage.cached else "would run"
        typer.echo(f"{stage.stage_id:<{width}}  {state:<9}{took}".rstrip())
        reasons = (f"not before this is mended: {stage.blocked}",) if stage.blocked is not None else stage.causes
        for reason in reasons:
            typer.echo(f"{'':<{width}}  - {reason}")
    to_run = [stage for stage in stages if not stage.cached and stage.blocked is None]
    typer.echo(f"{len(to_run)} of {len(stages)} stages would run")
