"""`edgebuild targets`: the shipped profiles, one profile with its inheritance resolved, and the schemas for editors."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from edgebuild.cli.options import Json
from edgebuild.cli.output import emit

_GAP = 2
"""Between two columns."""

app = typer.Typer(help="List or show target profiles, or print their JSON Schema.")


class SchemaOf(StrEnum):
    """The files that have a schema."""

    TARGET = "target"
    PROJECT = "project"
    DEVICE = "device"


@app.callback(invoke_without_command=True)
def _default(context: typer.Context, as_json: Json = False) -> None:
    if context.invoked_subcommand is None:
        show_list(as_json)


@app.command("list")
def show_list(as_json: Json = False) -> None:
    """List the shipped profiles: their file, its runtime, what a build learns here and how, what needs hardware."""
    from edgebuild.config.load import load_target, shipped_targets
    from edgebuild.graph.obtained import target_facts

    facts = {"targets": [target_facts(load_target(name)) for name in shipped_targets()]}
    emit(facts, as_json, lambda: _render_list(facts["targets"]))


@app.command("show")
def show(
    target: Annotated[str, typer.Argument(help="Name of a shipped profile, or path of one.")], as_json: Json = False
) -> None:
    """Show one profile, its inheritance resolved."""
    from edgebuild.config.load import load_target

    facts = load_target(target).to_json()
    emit(facts, as_json, lambda: _render_profile(facts))


@app.command("schema")
def schema(
    of: Annotated[SchemaOf, typer.Argument(help="The kind of file.")] = SchemaOf.TARGET, as_json: Json = False
) -> None:
    """Print the JSON Schema of profiles, projects or devices, for an editor; with or without --json."""
    from edgebuild.config.schema import device_schema_json, project_schema_json, target_schema_json

    makers = {
        SchemaOf.TARGET: target_schema_json,
        SchemaOf.PROJECT: project_schema_json,
        SchemaOf.DEVICE: device_schema_json,
    }
    facts = makers[of]()
    emit(facts, True, lambda: None)


def _render_list(targets: list[dict[str, Any]]) -> None:
    """A table where the terminal is wide enough for whole words, else a block for each target."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    rows = {target["target"]: _cells(target) for target in targets}
    titles = ("target", *next(iter(rows.values())))
    lines = [titles, *((name, *cells.values()) for name, cells in rows.items())]
    widths = _widths(list(zip(*lines, strict=True)), console.width)
    if widths is not None:
        table = Table(box=None, pad_edge=False)
        for title, width in zip(titles, widths, strict=True):
            table.add_column(title, width=width)
        for line in lines[1:]:
            table.add_row(*line)
        console.print(table)
        return
    for name, cells in rows.items():
        block = Table.grid(padding=(0, 2))
        for label, cell in cells.items():
            block.add_row(f"  {label}", cell)
        console.print(name, style="bold", markup=False, highlight=False)
        console.print(block)


def _widths(columns: list[tuple[str, ...]], width: int) -> list[int] | None:
    """Widths that break no title and no word, what is left to those that lack most; None where it is too narrow.

    Each column begins with its title.
    """
    widths = [max(map(len, [title, *" ".join(texts).split()])) for title, *texts in columns]
    wanted = [max(map(len, column)) for column in columns]
    room = width - sum(widths) - _GAP * (len(widths) - 1)
    if room < 0:
        return None
    for _ in range(room):
        lacking = [full - given for full, given in zip(wanted, widths, strict=True)]
        widths[lacking.index(max(lacking))] += max(lacking) > 0
    return widths


def _cells(target: dict[str, Any]) -> dict[str, str]:
    """What is told of one target: word for it -> text."""
    export, obtained = target["export"], target["obtained"]
    named = {"accuracy": f"accuracy ({target['checked_with']['runtime']})"}
    by_kind = {
        f"{kind} here": ", ".join(named.get(name, name) for name, found in obtained.items() if found == kind)
        for kind in ("measured", "emulated", "estimated")
    }
    return {
        "file": f"{export['format']} {export['dtype']}, io {export['io']}",
        "runtime": f"{target['runtime']['name']} {target['runtime'].get('version', '')}".strip(),
        **{label: cell.replace("_", " ") for label, cell in by_kind.items()},
        "needs hardware": ", ".join(target["needs_hardware"]),
    }


def _render_profile(facts: dict[str, Any]) -> None:
    import yaml

    typer.echo(yaml.safe_dump(facts, sort_keys=False, allow_unicode=True, width=120).rstrip())
