"""`edgebuild compile`: a full-integer .tflite as a C library for a microcontroller."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from edgebuild.cli.options import Json
from edgebuild.cli.output import emit


def compile_file(
    model: Annotated[Path, typer.Argument(help="A full-integer .tflite file, ours or anybody's.")],
    target: Annotated[str, typer.Option("--target", "-t", help="A profile (name or path), or a core: cortex-m4, …")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the C files; default: MODEL-TARGET here.")
    ] = None,
    prefix: Annotated[
        str, typer.Option("--prefix", help="What every public name in the C files begins with.")
    ] = "model",
    as_json: Json = False,
) -> None:
    """Compile an int8 model to C: model.c, model.h, a CMake project and an example."""
    from edgebuild.export.c.compile import compile_model
    from edgebuild.export.c.deliver import read_model_bytes, target_options, write_library
    from edgebuild.export.c.describe import compiled_facts

    options = target_options(target, prefix)
    compiled = compile_model(read_model_bytes(model), model.name, options)
    folder = output if output is not None else Path(f"{model.stem}-{Path(target).stem}")
    write_library(compiled, folder)
    facts = {"model": str(model), "target": target, "folder": str(folder), **compiled_facts(compiled)}
    emit(facts, as_json, lambda: _render(facts))


def _render(facts: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(box=None, pad_edge=False)
    for column, side in (
        ("layer", "left"),
        ("operation", "left"),
        ("kernel", "left"),
        ("output", "left"),
        ("MACs", "right"),
    ):
        table.add_column(column, justify="right" if side == "right" else "left", overflow="fold")
    for layer in facts["layers"]:
        shape = "x".join(map(str, layer["output_shape"]))
        table.add_row(layer["symbol"], layer["op"], layer["kernel"], shape, f"{layer['macs']:,}")
    console.print(table)
    console.print(
        f"arena {facts['arena_bytes']:,} B (no plan below {facts['arena_lower_bound']:,} B), "
        f"weights {facts['weight_bytes']:,} B, tables {facts['table_bytes']:,} B, {facts['macs']:,} MACs"
    )
    console.print(f"{facts['folder']}: {', '.join(facts['files'])}", highlight=False)
