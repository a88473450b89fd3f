"""Options of `edgebuild bench` that say how a real device is measured, read as device files are."""

from __future__ import annotations

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
