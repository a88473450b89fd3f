"""Options of `edgebuild bench` that say how a real device is measured, read as device files are."""

from __future__ import annotations

import math
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
