"""Time of each operation of a file on a real board, from one process more than those that are timed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from edgebuild.bench.board.on_board import FileOnBoard
from edgebuild.bench.board.settings import BoardSettings
from edgebuild.check.finding import Finding
from edgebuild.errors import DeviceError, ToolError
from edgebuild.progress import ProgressSink

SECONDS = 5.0
"""What the inferences may take: an operation alone and in the whole file, so that each inference is run twice."""
LEAST_RUNS, MOST_RUNS = 5, 50


def time_operations(
    board: FileOnBoard, milliseconds: Sequence[float], settings: BoardSettings, progress: ProgressSink
) -> tuple[dict[str, Any], list[Finding]]:
    """The times as plain JSON values, and a note in their place where there are none: what was measured is as good.

    Args:
        board: with the file; a real one.
        milliseconds: of inferences, from which it is taken how many there is time for.
        settings: whether anybody wants them.
        progress: where to report.
    """
    if not settings.operations:
        return {}, []
    name = board.device.name
    runs = runs_for(median(milliseconds))
    progress.update(1.0, f"{name}: time of each operation")
    try:
        report = board.operations(runs)
    except (DeviceError, ToolError) as error:
        message = f"the operations of {board.file.name} were not timed on {name}: {error.message}"
        return {}, [Finding("operations-not-timed", message, severity="note")]
    operations = [asdict(operation) for operation in report.operations]
    return {
        "kind": "measured",
        "operations": operations,
        "sum_ms": sum(operation.median_ms for operation in report.operations),
        "whole_ms": report.whole_ms,
        "ratio": report.ratio,
        "provenance": f"{name}, {board.placement}, median of {runs} runs, one process: {board.operations_are}",
    }, []


def runs_for(milliseconds: float) -> int:
    """How many inferences there is time for, where one takes so long."""
    return max(LEAST_RUNS, min(MOST_RUNS, int(SECONDS * 1000 / (2 * max(milliseconds, 1e-6)))))
