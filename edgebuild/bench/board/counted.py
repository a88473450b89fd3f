"""What a file costs on an emulated board: instructions counted, and the time estimated from a profile."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from edgebuild.bench.board.cost import Cost
from edgebuild.bench.board.estimate import estimate_time
from edgebuild.bench.board.on_board import FileOnBoard
from edgebuild.bench.board.run import BoardRun
from edgebuild.bench.estimated import estimated_energy
from edgebuild.errors import InternalError
from edgebuild.figure import Figure
from edgebuild.progress import ProgressSink

RUNS, WARMUP = 12, 4
"""Counts settle after the first few runs, when the runtime and its Python have made what they keep."""


def count(board: FileOnBoard, told: Mapping[str, str], progress: ProgressSink) -> Cost:
    """Count the instructions of inferences in one process, and estimate time and energy from one more.

    Args:
        board: an emulated one with the file.
        told: what it said of itself before.
        progress: where to report.

    Raises:
        DeviceError: the runtime there failed.
        ToolError: the counter or the profiler failed.
    """
    name = board.device.name
    progress.update(0.0, f"{name}: counts of {RUNS} inferences")
    run = board.run(RUNS)
    after = board.transport.properties()
    progress.update(0.5, f"{name}: profile")
    estimate = estimate_time(board)
    latency = estimate.figures[0]
    energy = [] if latency.missing else estimated_energy(board.device, latency)
    figures = (_instructions(run, told), *estimate.figures, *energy)
    conditions = {  # the keys are those of a real board
        "during": [],
        "after": after,
        "cooled_seconds": 0.0,
        "runs": RUNS,
        "processes": 1,
        "threads": 1,
        "cores": [],
        "aim": None,
    }
    return Cost([run], figures, estimate.findings, conditions, profile=estimate.profile)


def _instructions(run: BoardRun, told: Mapping[str, str]) -> Figure:
    kept = run.instructions[WARMUP:]
    if not kept:
        msg = "an emulated board that counted nothing"
        raise InternalError(msg)
    provenance = (
        f"counted over {len(kept)} runs on an emulated {told['cpu']}, 1 thread: QEMU {told['qemu']}; "
        "the call of the runtime included"
    )
    return Figure("instructions", median(kept), "instructions", "emulated", min(kept), max(kept), provenance=provenance)
