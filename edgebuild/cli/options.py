"""Options that several commands share, so that they read the same everywhere."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer


def finite(value: float | None) -> float | None:
    """A number that has a size, which `inf` and `nan` have not."""
    if value is not None and not math.isfinite(value):
        msg = f"{value} is no number of seconds"
        raise typer.BadParameter(msg)
    return value


Project = Annotated[Path, typer.Option("--project", "-p", help="The project file, or the folder that holds it.")]
Json = Annotated[bool, typer.Option("--json", help="Print the facts as JSON on stdout, and nothing else there.")]
Targets = Annotated[
    list[str] | None,
    typer.Option("--target", "-t", help="Only this target of the project, or a shipped profile; may be repeated."),
]
Jobs = Annotated[
    int | None, typer.Option("--jobs", "-j", min=1, help="Stages that run at once; default: the cores, at most 2.")
]
Wait = Annotated[float, typer.Option("--wait", min=0, callback=finite, help="Seconds to wait for another holder.")]

DEFAULT_PROJECT = Path("edgebuild.yaml")
