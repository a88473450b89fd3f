"""`edgebuild bench`: any exported file on any device, emulated or real."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from edgebuild.cli.measuring_options import (
    Against,
    Cores,
    Estimate,
    NoOperations,
    Output,
    Precision,
    Processes,
    Runs,
    Threads,
    TimeLimit,
    Token,
)
from edgebuild.cli.operation_lines import operation_lines
from edgebuild.cli.options import DEFAULT_PROJECT, Json, Project, Wait
from edgebuild.cli.output import emit
from edgebuild.cli.progress_line import progress_line

ALONE, IN_TURNS = 3, 4
"""Processes of a file that nobody gave a number for."""


def bench(
    file: Annotated[Path, typer.Argument(help="A .tflite or .pte file, ours or anybody's.")],
    device: Annotated[
        str, typer.Option("--device", "-d", help="A name in devices/ of the project, a shipped one, or a path.")
    ] = "host",
    inputs: Annotated[
        list[Path] | None,
        typer.Option("--input", metavar="FILE.npy", help="Samples, one file per input; default: random ones."),
    ] = None,
    against: Against = None,
    runs: Runs = 200,
    processes: Processes = None,
    threads: Threads = None,
    cores: Cores = None,
    precision: Precision = None,
    time_limit: TimeLimit = None,
    no_operations: NoOperations = False,
    estimate: Estimate = False,
    output: Output = None,
    wait: Wait = 0.0,
    token: Token = None,
    project: Project = DEFAULT_PROJECT,
    as_json: Json = False,
) -> None:
    """Run a file on a device: time it, or count its instructions and estimate its time where it is emulated.

    Its outputs are compared with those of this host.

    With --against another file the processes of both take turns, and the result is the ratio of their times.

    Exit code 1 if an output differs from this host's by more than rounding, or the device was slowed down throughout.
    """
    from edgebuild.bench.board.settings import TIME_LIMIT, BoardSettings
    from edgebuild.bench.board.standalone import bench_file, estimate_file, save_record
    from edgebuild.bench.board.standalone_pair import bench_pair
    from edgebuild.config.read_device import load_device
    from edgebuild.output_file import require_writable

    _require_consistent(estimate=estimate, against=against, precision=precision, time_limit=time_limit)
    chosen = load_device(device, project if project.is_dir() else project.parent)
    processes = processes or (ALONE if against is None else IN_TURNS)
    limit = TIME_LIMIT if time_limit is None else time_limit
    settings = BoardSettings(runs, processes, 0, precision, limit, not no_operations, threads, cores)
    given = inputs or []
    name = file.name if against is None else f"{file.name}-against-{against.name}"
    saved = output if output is not None else Path(f"{name}.{chosen.name}.json")
    require_writable(saved)
    with progress_line() as progress:
        if estimate:
            record = estimate_file(file, chosen, threads)
        elif against is None:
            record = bench_file(file, chosen, given, settings, wait=wait, token=token, progress=progress)
        else:
            record = bench_pair(file, against, chosen, given, settings, wait=wait, token=token, progress=progress)
    save_record(record, saved)
    emit(record, as_json, lambda: _render(record, saved))
    parts = [record] if against is None else [record["ours"], record["theirs"]]
    if any(finding["severity"] == "fatal" for part in parts for finding in part["findings"]):
        raise typer.Exit(1)


def _require_consistent(
    *, estimate: bool, against: Path | None, precision: float | None, time_limit: float | None
) -> None:
    from edgebuild.errors import ConfigError

    if time_limit is not None and precision is None:
        msg = "--time-limit bounds --precision, which is not given"
        raise ConfigError(msg, remedy="say how narrow the interval is to be, like --precision 1%, or leave it out")
    if estimate and against is not None:
        msg = "--against runs both files, --estimate runs none"
        raise ConfigError(msg, remedy="give one of the two")


def _render(record: dict[str, Any], saved: Path) -> None:
    parts = [record]
    if "verdict" in record:
        ours, theirs = record["ours"], record["theirs"]
        _line(f"{ours['file']} against {theirs['file']} on {record['device']}: {record['verdict']}")
        _render_facts(record, set())
        parts = [ours, theirs]
    shown: set[str] = set()
    for part in parts:
        _line(f"{part['file']} on {part['device']}, {part['runtime']}")
        _render_facts(part, shown)
    _line(f"{saved}: the record, with every raw sample")


def _render_facts(part: dict[str, Any], shown: set[str]) -> None:
    """Figures, and findings whose message is not among those `shown` before, which are added to it."""
    from edgebuild.figure import Figure

    for raw in part["figures"]:
        _line(f"  {raw['name']}: {Figure.from_json(raw)}")
    for line in operation_lines(part.get("profile", {})):
        _line(f"  {line}")
    for finding in part["findings"]:
        if finding["message"] not in shown:
            _line(f"{'✗' if finding['severity'] == 'fatal' else ' '} {finding['message']}")
        shown.add(finding["message"])


def _line(text: str) -> None:
    from rich.console import Console

    Console().print(text, markup=False, highlight=False, soft_wrap=True)
