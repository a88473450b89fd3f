"""`edgebuild init`: a project file for an own model, explained line by line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgebuild.cli.options import Json
from edgebuild.cli.output import emit


def init(
    model: Annotated[str, typer.Option("--model", help="module:function that returns the model, or a .pt2 program.")],
    weights: Annotated[str | None, typer.Option("--weights", help="Its state dict: .pt, .pth or .safetensors.")] = None,
    data: Annotated[
        str | None, typer.Option("--data", help="module:function that gives the data; default: load_data of the model.")
    ] = None,
    target: Annotated[
        list[str] | None, typer.Option("--target", "-t", help="A target; may be repeated. Default: all shipped ones.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Name of the project; default: the folder's.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an edgebuild.yaml that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Write edgebuild.yaml for a model of your own, explained line by line."""
    from edgebuild.config.scaffold import ScaffoldRequest, data_function, write_scaffold

    request = ScaffoldRequest(model, weights, data, tuple(target or ()), name)
    file = write_scaffold(request, Path(), force=force)
    function = data_function(request)
    facts = {"written": str(file), "data_function": function}

    def render() -> None:
        typer.echo(f"wrote {file}")
        if data is None:
            module, _, attribute = function.partition(":")
            typer.echo(
                f"next: write the function {attribute} in {module}, which gives the data (see `data:` in {file})"
            )
        typer.echo("then: edgebuild build")

    emit(facts, as_json, render)
