"""`edgebuild unpack`: the file in a container, byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgebuild.cli.options import Json
from edgebuild.cli.output import emit


def unpack(
    container: Annotated[Path, typer.Argument(help="A container that `edgebuild pack` made.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")],
    as_json: Json = False,
) -> None:
    """Restore the file in a container; its SHA-256 is checked before anything is written."""
    from edgebuild.package.container.pack import unpack as restore
    from edgebuild.package.container.write import read_file, write_file

    data = restore(read_file(container), str(container))
    write_file(output, data)
    emit({"file": str(output), "file_size": len(data)}, as_json, lambda: typer.echo(f"{output}: {len(data)} bytes"))
