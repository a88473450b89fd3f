"""Energy of an inference on a real board: by the meter that its device file names, else by published powers."""

from __future__ import annotations

from statistics import median

from edgebuild.bench.board.on_board import FileOnBoard
from edgebuild.bench.estimated import estimated_energy
from edgebuild.bench.power.measure import (
    Loop,
    energy_figure,
    energy_findings,
    measure_energy,
    open_power_meter,
    runs_for,
    settings_for,
)
from edgebuild.check.finding import Finding
from edgebuild.figure import Figure
from edgebuild.progress import ProgressSink


def energy_on_board(
    board: FileOnBoard, milliseconds: tuple[float, ...], latency: Figure, progress: ProgressSink
) -> tuple[list[Figure], list[Finding]]:
    """`energy` in a list, empty where the device file says nothing of power, and what is doubtful about it.

    Args:
        board: with the file.
        milliseconds: of inferences, from which the length of the loop is taken.
        latency: of an inference.
        progress: where to report.

    Raises:
        ConfigError: the device file names a board whose power nobody published.
        DeviceError: the meter is not there, or was lost.
        ToolError: its library is missing.
    """
    power = board.device.power
    meter = open_power_meter(power, board.transport) if power is not None else None
    if meter is None or power is None:
        return estimated_energy(board.device, latency), []
    settings = settings_for(meter)
    runs = runs_for(median(milliseconds), settings)

    def work() -> Loop:
        run = board.run(runs, samples=1)
        return Loop(runs, sum(run.milliseconds) / 1000)

    progress.update(1.0, f"{board.device.name}: energy of {runs} inferences")
    energy, loop = measure_energy(meter, work, settings)
    figure = energy_figure(energy, loop, str(power.meter), board.device.name, meter.capabilities().source)
    return [figure], energy_findings(energy)
