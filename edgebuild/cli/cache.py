"""`edgebuild cache`: what the store of a project holds, whether it is intact, and removing what nobody needs."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgebuild.cli.options import DEFAULT_PROJECT, Json, Project
from edgebuild.cli.output import emit
from edgebuild.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from edgebuild.graph.store_care import StoredArtifact

app = typer.Typer(help="The store of built artifacts: list, collect garbage, verify.", no_args_is_help=True)

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


@app.command("ls")
def ls(project: Project = DEFAULT_PROJECT, as_json: Json = False) -> None:
    """List the artifacts, by stage, the newest first; `*` marks what the stage's last build used."""
    from edgebuild.graph.store import read_store
    from edgebuild.graph.store_care import list_store

    artifacts = list_store(read_store(_root(project)))
    sizes = {item.artifact: item.bytes or 0 for item in artifacts}
    facts = {"artifacts": [item.to_json() for item in artifacts], "bytes": sum(sizes.values())}
    emit(facts, as_json, lambda: _render_list(artifacts, sum(sizes.values())))


@app.command("verify")
def verify(project: Project = DEFAULT_PROJECT, as_json: Json = False) -> None:
    """Read everything again and name what is damaged; a build makes it anew. Exit code 1 if anything is."""
    from edgebuild.errors import ExitCode
    from edgebuild.graph.store import read_store
    from edgebuild.graph.store_care import verify_store

    damages = verify_store(read_store(_root(project)))

    def render() -> None:
        for damage in damages:
            stages = f" (of {', '.join(damage.stages)})" if damage.stages else ""
            typer.echo(f"{damage.path}: {damage.problem}{stages}")
        typer.echo(f"{len(damages)} damaged; the next build makes them again" if damages else "everything is intact")

    emit({"intact": not damages, "damages": [asdict(damage) for damage in damages]}, as_json, render)
    if damages:
        raise typer.Exit(ExitCode.MISSED)


@app.command("gc")
def gc(
    project: Project = DEFAULT_PROJECT,
    older_than: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Also keep what a build used in this time: `30d`, `12h`, `90min`."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Remove every artifact that the project's next build does not need."""
    from edgebuild.config.load import load_project
    from edgebuild.figure import format_value
    from edgebuild.graph.assemble import build_graph
    from edgebuild.graph.store import open_store
    from edgebuild.graph.store_care import collect_garbage, latest_keys

    seconds = None if older_than is None else _seconds(older_than)
    loaded = load_project(project)
    store = open_store(loaded.root)
    keep = latest_keys(store, [stage.id for stage in build_graph(loaded)])
    collected = collect_garbage(store, keep_keys=keep, older_than=seconds)

    def render() -> None:
        freed, left = format_value(collected.freed, "B"), format_value(collected.left, "B")
        typer.echo(f"removed {collected.objects_removed} artifacts, {freed}; kept {collected.objects_kept}, {left}")

    emit(asdict(collected), as_json, render)


def _root(project: Path) -> Path:
    """The project's folder; its file is not read, so that a broken one does not hide the store.

    Raises:
        ConfigError: neither a project nor a store is there.
    """
    from edgebuild.graph.store import FOLDER

    root = project if project.is_dir() else project.parent
    if not (root / DEFAULT_PROJECT).is_file() and not project.is_file() and not (root / FOLDER).is_dir():
        msg = f"found neither {DEFAULT_PROJECT} nor a store ({FOLDER}) in {root}"
        raise ConfigError(msg, remedy="go to the project's folder, or name it with --project")
    return root


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|min|h|d|w)", text.strip())
    if match is None:
        msg = f"{text!r} is not a time such as 30d, 12h or 90min"
        raise typer.BadParameter(msg, param_hint="--older-than")
    return float(match[1]) * _UNITS[match[2]]


def _render_list(artifacts: list[StoredArtifact], total: int) -> None:
    from edgebuild.figure import format_value
    from edgebuild.progress import format_duration

    width = max((len(item.stage) for item in artifacts), default=0)
    for item in artifacts:
        size: Any = "gone" if item.bytes is None else format_value(item.bytes, "B")
        mark = "*" if item.latest else " "
        took = format_duration(item.seconds)
        typer.echo(f"{mark} {item.stage:<{width}}  {item.artifact[:12]}  {size:>10}  made in {took}")
    typer.echo(f"{len(artifacts)} artifacts, {format_value(total, 'B')}")
