"""What a file costs on a real board: times and memory of several processes, and what makes them doubtful."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edgebuild.bench.board.cost import Cost
from edgebuild.bench.board.energy import energy_on_board
from edgebuild.bench.board.on_board import FileOnBoard
from edgebuild.bench.board.operations import time_operations
from edgebuild.bench.board.run import BoardRun
from edgebuild.bench.board.settings import BoardSettings
from edgebuild.bench.board.state import state_findings
from edgebuild.bench.statistics import Interval, median_interval, range_interval, relative_spread
from edgebuild.bench.warmup import WarmUp, find_warmup
from edgebuild.check.finding import Finding
from edgebuild.figure import Figure
from edgebuild.progress import ProgressSink

NOISY_SPREAD = 0.05


def time_processes(
    board: FileOnBoard, told: Mapping[str, str], settings: BoardSettings, progress: ProgressSink
) -> Cost:
    """Time inferences in several processes.

    Every process runs all samples, so that what is timed is what was compared. The board is not asked while a process
    runs: that would take time from what is measured.

    Args:
        board: with the file.
        told: what it said of itself before.
        settings: how often.
        progress: where to report.

    Raises:
        DeviceError: the board is gone, its runtime failed, or its power meter cannot be read.
    """
    processes, states = [], []
    for number in range(settings.processes):
        progress.update(
            number / settings.processes, f"{board.device.name}: process {number + 1} of {settings.processes}"
        )
        processes.append(board.run(settings.runs))
        states.append(board.transport.properties())
    raw = [np.asarray(run.milliseconds) for run in processes]
    warmups = [find_warmup(runs) for runs in raw]
    kept = [runs[warmup.runs :] for runs, warmup in zip(raw, warmups, strict=True)]
    where = f"{told.get('board', told['cpu'])}, {board.placement}, {settings.runs} runs in each of {len(raw)} processes"
    figures = _figures(processes, kept, where, settings.seed)
    findings = [*state_findings(told, states), *_noise(kept, warmups)]
    energy, doubts = energy_on_board(board, processes[0].milliseconds, figures[0], progress)
    profile, gaps = time_operations(board, processes[0].milliseconds, progress) if settings.operations else ({}, [])
    conditions = {
        "during": states[:-1],
        "after": states[-1],
        "runs": settings.runs,
        "processes": settings.processes,
        "threads": board.placement.threads,
        "cores": list(board.placement.cores),
    }
    return Cost(processes, (*figures, *energy), (*findings, *doubts, *gaps), conditions, profile)


def _figures(processes: Sequence[BoardRun], kept: Sequence[np.ndarray], where: str, seed: int) -> list[Figure]:
    return [
        _measured("latency", "ms", median_interval(kept, seed=seed), f"{where}; median, warm-up dropped"),
        _measured("load_time", "ms", range_interval([run.load_ms for run in processes]), f"{where}; open to ready"),
        _measured(
            "peak_memory",
            "B",
            range_interval([float(run.peak_bytes) for run in processes]),
            f"{where}; resident memory of the whole process, the runtime included",
        ),
    ]


def _measured(name: str, unit: str, interval: Interval, provenance: str) -> Figure:
    return Figure(name, interval.value, unit, "measured", interval.low, interval.high, interval.confidence, provenance)


def _noise(kept: Sequence[np.ndarray], warmups: Sequence[WarmUp]) -> list[Finding]:
    findings = []
    spread = max(relative_spread(runs) for runs in kept)
    if spread > NOISY_SPREAD:
        message = f"run times spread by {spread:.1%} of their median; up to {NOISY_SPREAD:.0%} is steady"
        findings.append(Finding("noisy-benchmark", message, severity="note"))
    if not all(warmup.stable for warmup in warmups):
        message = "a process did not become stable in half of its runs"
        findings.append(Finding("unstable-benchmark", message, severity="note"))
    return findings
