"""`edgebuild targets`: the shipped profiles, one profile with its inheritance resolved, and the schemas for editors."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from edgebuild.cli.options import Json
from edgebuild.cli.output import emit

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
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    kinds = ("measured", "emulated", "estimated")
    table.add_column("target", no_wrap=True)
    for column in ("file", "runtime", *(f"{kind} here" for kind in kinds), "needs hardware"):
        table.add_column(column, overflow="fold")
    for target in targets:
        export, obtained, wanted = target["export"], target["obtained"], target["needs_hardware"]
        runtime = f"{target['runtime']['name']} {target['runtime'].get('version', '')}".strip()
        named = {"accuracy": f"accuracy ({target['checked_with']['runtime']})"}
        cells = [
            ", ".join(named.get(name, name) for name, found in obtained.items() if found == kind) for kind in kinds
        ]
        kind = f"{export['format']} {export['dtype']}, io {export['io']}"
        table.add_row(target["target"], kind, runtime, *(cell.replace("_", " ") for cell in cells), ", ".join(wanted))
    Console().print(table)


def _render_profile(facts: dict[str, Any]) -> None:
    import yaml

    typer.echo(yaml.safe_dump(facts, sort_keys=False, allow_unicode=True, width=120).rstrip())
