"""`edgebuild bench`: any exported file on any device, emulated or real."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from edgebuild.cli.measuring_options import Cores, NoOperations, Precision, Threads, TimeLimit
from edgebuild.cli.operation_lines import operation_lines
from edgebuild.cli.options import DEFAULT_PROJECT, Json, Project
from edgebuild.cli.output import emit
from edgebuild.cli.progress_line import progress_line


def bench(
    file: Annotated[Path, typer.Argument(help="A .tflite or .pte file, ours or anybody's.")],
    device: Annotated[
        str, typer.Option("--device", "-d", help="A name in devices/ of the project, a shipped one, or a path.")
    ] = "host",
    inputs: Annotated[
        list[Path] | None,
        typer.Option("--input", metavar="FILE.npy", help="Samples, one file per input; default: random ones."),
    ] = None,
    runs: Annotated[int, typer.Option("--runs", min=20, help="Inferences per process, on a real device.")] = 200,
    processes: Annotated[int, typer.Option("--processes", min=2, help="Processes, on a real device.")] = 3,
    threads: Threads = None,
    cores: Cores = None,
    precision: Precision = None,
    time_limit: TimeLimit = None,
    no_operations: NoOperations = False,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Run nothing: the time by the calibration of the device.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File of the record with every raw sample; default: FILE.DEVICE.json here."
        ),
    ] = None,
    wait: Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait for another holder.")] = 0.0,
    token: Annotated[
        int | None, typer.Option("--token", help="Of a lease that was taken with `devices lease`.")
    ] = None,
    project: Project = DEFAULT_PROJECT,
    as_json: Json = False,
) -> None:
    """Run a file on a device: time it, or count its instructions and estimate its time where it is emulated.

    Its outputs are compared with those of this host.

    Exit code 1 if an output differs from this host's by more than rounding.
    """
    from edgebuild.bench.board.settings import TIME_LIMIT, BoardSettings
    from edgebuild.bench.board.standalone import bench_file, estimate_file, save_record
    from edgebuild.config.read_device import load_device
    from edgebuild.errors import ConfigError

    chosen = load_device(device, project if project.is_dir() else project.parent)
    if time_limit is not None and precision is None:
        msg = "--time-limit bounds --precision, which is not given"
        raise ConfigError(msg, remedy="say how narrow the interval is to be, like --precision 1%, or leave it out")
    settings = BoardSettings(
        runs,
        processes,
        precision=precision,
        time_limit=time_limit or TIME_LIMIT,
        operations=not no_operations,
        threads=threads,
        cores=cores,
    )
    if estimate:
        record = estimate_file(file, chosen, threads)
    else:
        with progress_line() as progress:
            record = bench_file(file, chosen, inputs or [], settings, wait=wait, token=token, progress=progress)
    saved = output if output is not None else Path(f"{file.name}.{chosen.name}.json")
    save_record(record, saved)
    emit(record, as_json, lambda: _render(record, saved))
    if any(finding["severity"] == "fatal" for finding in record["findings"]):
        raise typer.Exit(1)


def _render(record: dict[str, Any], saved: Path) -> None:
    from rich.console import Console

    from edgebuild.figure import Figure

    console = Console()
    console.print(f"{record['file']} on {record['device']}, {record['runtime']}", markup=False, highlight=False)
    for raw in record["figures"]:
        console.print(f"  {raw['name']}: {Figure.from_json(raw)}", markup=False, highlight=False, soft_wrap=True)
    for line in operation_lines(record.get("profile", {})):
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    for finding in record["findings"]:
        mark = "✗" if finding["severity"] == "fatal" else " "
        console.print(f"{mark} {finding['message']}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"{saved}: the record, with every raw sample", markup=False, highlight=False, soft_wrap=True)
