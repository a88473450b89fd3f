"""`edgebuild pack`: an exported file, packed for shipping."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgebuild.cli.options import Json
from edgebuild.cli.output import emit


def pack(
    file: Annotated[Path, typer.Argument(help="A .tflite or .pte file; any other file is packed as plain bytes.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The container; FILE with the suffix .ebz where left out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Pack a file into a container that `edgebuild unpack`, and a small decoder in C, restore byte for byte."""
    from edgebuild.figure import format_value
    from edgebuild.package.container.decoder import COMPILED_FOR, decoder_bytes
    from edgebuild.package.container.pack import SUFFIX, pack_file
    from edgebuild.package.container.write import write_file

    container = pack_file(file)
    written = output or file.with_suffix(SUFFIX)
    write_file(written, container)
    before, after, decoder = file.stat().st_size, len(container), decoder_bytes()

    def render() -> None:
        sizes = [format_value(float(size), "B") for size in (before, after)]
        typer.echo(f"{written}: {sizes[1]}, {before / after:.3g} times smaller than {file} ({sizes[0]})")
        if decoder is not None:
            typer.echo(f"the decoder in C takes {format_value(float(decoder), 'B')} ({COMPILED_FOR})")

    sizes = {"file_size": before, "ship_size": after, "decoder_size": decoder}
    emit({"file": str(file), "container": str(written), **sizes}, as_json, render)
