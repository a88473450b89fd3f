"""`edgebuild bench`: any exported file on any device, emulated or real."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from edgebuild.cli.measuring_options import Cores, Threads
from edgebuild.cli.options import DEFAULT_PROJECT, Json, Project, Wait
from edgebuild.cli.output import emit


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
    no_operations: Annotated[
        bool, typer.Option("--no-operations", help="Leave out the time of each operation, on a real device.")
    ] = False,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Run nothing: the time by the calibration of the device.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File of the record with every raw sample; default: FILE.DEVICE.json here."
        ),
    ] = None,
    wait: Wait = 0.0,
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
    from edgebuild.bench.board.settings import BoardSettings
    from edgebuild.bench.board.standalone import bench_file, estimate_file, save_record
    from edgebuild.config.read_device import load_device

    chosen = load_device(device, project if project.is_dir() else project.parent)
    settings = BoardSettings(runs, processes, operations=not no_operations, threads=threads, cores=cores)
    if estimate:
        record = estimate_file(file, chosen, threads)
    else:
        record = bench_file(file, chosen, inputs or [], settings, wait=wait, token=token)
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
    for line in _operation_lines(record.get("profile", {})):
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    for finding in record["findings"]:
        mark = "✗" if finding["severity"] == "fatal" else " "
        console.print(f"{mark} {finding['message']}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"{saved}: the record, with every raw sample", markup=False, highlight=False, soft_wrap=True)


SLOWEST = 10
"""Operations that are printed; the record has all."""
LAYER_CHARACTERS = 48
"""What is printed of a layer's name: its end, which tells it from others."""


def _operation_lines(profile: dict[str, Any]) -> list[str]:
    """The slowest operations of a real device; nothing where they were not timed one by one."""
    operations = profile.get("operations", [])
    if not operations:
        return []
    together = f"together {profile['ratio']:.0%} of the whole, {profile['whole_ms']:.4g} ms"
    lines = [f"operations: {len(operations)}, {together} measured ({profile['provenance']})"]
    for row in sorted(operations, key=lambda row: -row["median_ms"])[:SLOWEST]:
        layer = row["layer"] or ""
        shown = layer if len(layer) <= LAYER_CHARACTERS else f"…{layer[1 - LAYER_CHARACTERS :]}"
        share = row["median_ms"] / (profile["sum_ms"] or 1.0)
        lines.append(f"  {row['median_ms']:.4g} ms, {share:.0%}: {row['name']} {shown}".rstrip())
    return lines
