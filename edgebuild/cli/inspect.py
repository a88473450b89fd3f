"""`edgebuild inspect`: what is really in an exported file, ours or anybody's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgebuild.cli.options import Json
from edgebuild.cli.output import emit
from edgebuild.errors import ConfigError


def inspect(
    artifacts: Annotated[
        list[Path],
        typer.Argument(
            metavar="ARTIFACT",
            help="A .tflite or .pte file, or the folder of an exported artifact; several that share an accelerator.",
        ),
    ],
    as_json: Json = False,
    tensors: Annotated[bool, typer.Option("--tensors", help="List every tensor.")] = False,
    ops: Annotated[bool, typer.Option("--ops", help="List every operation.")] = False,
    target: Annotated[
        str | None,
        typer.Option("--target", "-t", help="Say what an accelerator would make of it: edge-tpu, ethos-u55-128, …"),
    ] = None,
) -> None:
    """Show what is in an exported file: types, operations, delegates, interface, memory, oldest runtime."""
    if target is not None:
        _judge(artifacts, target, as_json)
        return
    if len(artifacts) > 1:
        msg = f"found {len(artifacts)} files, expected one; several can only be held against an accelerator they share"
        raise ConfigError(msg, remedy="name one, or say --target edge-tpu")
    from rich.console import Console

    from edgebuild.check.describe import describe_operations, describe_summary, describe_tensors
    from edgebuild.check.inspection import inspect_file

    inspection = inspect_file(artifacts[0])

    def render() -> None:
        console = Console()
        console.print(describe_summary(inspection.census, inspection.summary))
        if tensors:
            console.print(describe_tensors(inspection.census))
        if ops:
            console.print(describe_operations(inspection.census))

    emit(inspection.to_json(), as_json, render)


def _judge(artifacts: list[Path], target: str, as_json: bool) -> None:
    from rich.console import Console

    from edgebuild.check.inspection import judge_files

    report = judge_files(artifacts, target)
    emit(report.to_json(), as_json, lambda: Console().print(report.describe()))
