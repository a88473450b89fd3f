"""Options of `edgebuild bench`, read as device files are."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer


def _cores(text: str) -> str:
    from edgebuild.config.cores import check_cores
    from edgebuild.config.wording import BadValueError

    try:
        return check_cores(text)
    except BadValueError as error:
        msg = f"{error}, found {text!r}"
        raise typer.BadParameter(msg) from None


def _share(text: str) -> float:
    try:
        share = float(text.strip().removesuffix("%")) / 100 if text.strip().endswith("%") else math.nan
    except ValueError:
        share = math.nan
    if not 0 < share < 1:
        msg = f"expected a share between 0% and 100%, like 1%, found {text!r}"
        raise typer.BadParameter(msg)
    return share


def _seconds(text: str) -> float:
    from edgebuild.config.quantity import TIME
    from edgebuild.config.wording import BadValueError

    try:
        return TIME.parse(text) / 1e3
    except BadValueError as error:
        raise typer.BadParameter(str(error)) from None


Against = Annotated[
    Path | None,
    typer.Option("--against", metavar="FILE", help="Which is faster: this file or FILE, in turns on the device."),
]
Runs = Annotated[int, typer.Option("--runs", min=20, help="Inferences per process, on a real device.")]
Processes = Annotated[
    int | None,
    typer.Option("--processes", min=2, help="Processes, on a real device; default: 3; with --against 4 of each."),
]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, help="Of the runtime, on a real device; default: its file's, or 1.")
]
Cores = Annotated[
    str | None,
    typer.Option(
        "--cores",
        parser=_cores,
        metavar="big|little|middle|LIST",
        help="Pin to these cores of a real device, like 4-7; default: its file's, or wherever its system puts it.",
    ),
]
Precision = Annotated[
    float | None,
    typer.Option(
        "--precision",
        parser=_share,
        metavar="N%",
        help="Add processes on a real device until the interval of the median is so narrow, from end to end.",
    ),
]
TimeLimit = Annotated[
    float | None,
    typer.Option("--time-limit", parser=_seconds, metavar="TIME", help="Of --precision, like 60s; default: 600 s."),
]
NoOperations = Annotated[
    bool, typer.Option("--no-operations", help="Leave out the time of each operation, on a real device.")
]
Estimate = Annotated[bool, typer.Option("--estimate", help="Run nothing: the time by the calibration of the device.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="File of the record with every raw sample; default: FILE.DEVICE.json here."),
]
Token = Annotated[int | None, typer.Option("--token", help="Of a lease that was taken with `devices lease`.")]
