"""What a file costs on a real board: times and memory of several processes, and what makes them doubtful."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgebuild.bench.board.cost import Cost
from edgebuild.bench.board.energy import energy_on_board, meter_of
from edgebuild.bench.board.on_board import FileOnBoard
from edgebuild.bench.board.operations import time_operations
from edgebuild.bench.board.settings import BoardSettings
from edgebuild.bench.board.state import State
from edgebuild.bench.board.turns import Process, Turns, take_turns
from edgebuild.bench.measured import latency_figures, measured_figure, steadiness_findings, without_warmup
from edgebuild.bench.power.meter import PowerMeter
from edgebuild.bench.statistics import median_interval, range_interval
from edgebuild.bench.warmup import WarmUp
from edgebuild.figure import Figure
from edgebuild.progress import ProgressSink


def time_processes(board: FileOnBoard, told: State, settings: BoardSettings, progress: ProgressSink) -> Cost:
    """Time inferences of a file in several processes.

    Each of them runs all samples too, so that what is timed is what is compared.

    Args:
        board: with the file.
        told: what it said of itself before.
        settings: how often.
        progress: where to report.

    Raises:
        DeviceError: the board is gone, its runtime failed, or its power meter is not there.
        ToolError: the library of its power meter is missing.
    """
    meter = meter_of(board)
    turns = take_turns(
        [board], told, settings, lambda kept: median_interval(steady_runs(kept[0]), seed=settings.seed), progress
    )
    return cost_of(turns, 0, settings, progress, meter)


def steady_runs(processes: Sequence[Process]) -> list[np.ndarray]:
    """Milliseconds [runs] of each process, without its warm-up."""
    return _without_warmup(processes)[0]


def _without_warmup(processes: Sequence[Process]) -> tuple[list[np.ndarray], list[WarmUp]]:
    return without_warmup(process.run.milliseconds for process in processes)


def cost_of(
    turns: Turns, index: int, settings: BoardSettings, progress: ProgressSink, meter: PowerMeter | None = None
) -> Cost:
    """What came of the `index`-th file; energy is measured now, where the device has a meter.

    Raises:
        DeviceError: the board is gone.
    """
    board, processes = turns.boards[index], turns.kept[index]
    told = turns.states[0]
    kept, warmups = _without_warmup(processes)
    where = (
        f"{told.get('board', told['cpu'])}, {board.placement}, {settings.runs} runs in each of {len(kept)} processes"
    )
    figures = _figures(processes, kept, where, settings.seed)
    energy, doubts = energy_on_board(board, meter, processes[0].run.milliseconds, figures[0], progress)
    profile, gaps = time_operations(board, processes[0].run.milliseconds, settings, progress)
    return Cost(
        [process.run for process in processes],
        (*figures, *energy),
        (*turns.findings(), *steadiness_findings(kept, warmups), *doubts, *gaps),
        turns.conditions(),
        [process.slowed for process in processes],
        [process.to_json() for process in turns.set_aside[index]],
        profile,
    )


def _figures(processes: Sequence[Process], kept: Sequence[np.ndarray], where: str, seed: int) -> list[Figure]:
    peaks = range_interval([float(process.run.peak_bytes) for process in processes])
    loads = range_interval([process.run.load_ms for process in processes])
    whole = "resident memory of the whole process, the runtime included"
    return [
        *latency_figures("latency", kept, where, seed),
        measured_figure("load_time", "ms", loads, f"{where}; open to ready"),
        measured_figure("peak_memory", "B", peaks, f"{where}; {whole}"),
    ]
