"""`edgebuild calibrate`: from measured times to estimates with an interval."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from edgebuild.cli.options import DEFAULT_PROJECT, Json, Project
from edgebuild.cli.output import emit
from edgebuild.cli.progress_line import progress_line


def calibrate(
    device: Annotated[str, typer.Argument(help="A name in devices/ of the project, or a shipped one.")],
    measurements: Annotated[
        Path, typer.Argument(metavar="FILE.csv", help="Measured times: model,dtype,threads,ms; a line for each.")
    ],
    project: Project = DEFAULT_PROJECT,
    as_json: Json = False,
) -> None:
    """Fit what operations cost on a device to times that were measured there, for estimates of files that were not.

    A model is a .tflite or .pte file beside the table, or the name of a built target. What was fitted is written beside
    the device file, which names it under `calibration:`; a shipped device is copied into the project first. Of an
    emulated board every file is emulated once, and what its estimates are off is corrected from then on.
    """
    from edgebuild.bench.calibrate import calibrate as fit
    from edgebuild.bench.calibrate import save_calibration
    from edgebuild.config.read_device import load_device

    root = project if project.is_dir() else project.parent
    chosen = load_device(device, root)
    with progress_line() as progress:
        done = fit(chosen, measurements, root, progress)
    file, own = save_calibration(done.calibration, chosen, device, root)
    record = {
        "device": chosen.name,
        "calibration": str(file),
        "device_file": str(own),
        "source": done.calibration.source,
        "tables": [one.to_json() for one in done.tables],
        "emulation": [one.to_json() for one in done.corrections],
    }
    emit(record, as_json, lambda: _render(record))


def _render(record: dict[str, Any]) -> None:
    from rich.console import Console

    from edgebuild.config.wording import threads_words

    console = Console()
    rows = [("", table) for table in record["tables"]] + [("emulated, ", fitted) for fitted in record["emulation"]]
    for how, table in rows:
        threads = threads_words(table["threads"])
        head = f"{record['device']}, {how}{table['dtype']}, {threads}: {table['networks']} networks"
        console.print(head, markup=False, highlight=False)
        for word in ("before", "after"):
            console.print(f"  {word}: {_held_out(table[word])}", markup=False, highlight=False, soft_wrap=True)
    told = f"{record['calibration']}: the calibration, named in {record['device_file']}"
    console.print(told, markup=False, highlight=False, soft_wrap=True)


def _held_out(found: dict[str, Any] | None) -> str:
    if found is None:
        return "no estimate: nothing is published for this dtype"
    inside = "not known" if found["inside"] is None else f"{found['inside']:.0%}"
    return (
        f"half of the held-out times within {found['error']:.1%} of the estimate; "
        f"interval {found['low']:.2f} to {found['high']:.2f} of it, truth inside: {inside}"
    )
