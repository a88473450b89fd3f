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
from edgebuild.bench.power.meter import PowerMeter
from edgebuild.check.finding import Finding
from edgebuild.errors import DeviceError, ToolError
from edgebuild.figure import Figure
from edgebuild.progress import ProgressSink


def meter_of(board: FileOnBoard) -> PowerMeter | None:
    """The meter that the device file names, opened before hours are spent on times; None where it names none.

    Raises:
        DeviceError: it is not there.
        ToolError: its library is missing.
    """
    power = board.device.power
    return None if power is None else open_power_meter(power, board.transport)


def energy_on_board(
    board: FileOnBoard,
    meter: PowerMeter | None,
    milliseconds: tuple[float, ...],
    latency: Figure,
    progress: ProgressSink,
) -> tuple[list[Figure], list[Finding]]:
    """`energy` in a list, empty where the device file says nothing of power, and what is wrong or doubtful about it.

    A meter that is lost meanwhile leaves energy missing, and keeps what was measured before.

    Args:
        board: with the file.
        meter: see `meter_of`.
        milliseconds: of inferences, from which the length of the loop is taken.
        latency: of an inference.
        progress: where to report.

    Raises:
        ConfigError: the device file names a board whose power nobody published.
    """
    power = board.device.power
    if meter is None or power is None:
        return estimated_energy(board.device, latency), []
    settings = settings_for(meter)
    runs = runs_for(median(milliseconds), settings)

    def work() -> Loop:
        run = board.run(runs, samples=1)
        return Loop(runs, sum(run.milliseconds) / 1000)

    progress.update(1.0, f"{board.device.name}: energy of {runs} inferences")
    try:
        energy, loop = measure_energy(meter, work, settings)
    except (DeviceError, ToolError) as error:
        reason = f"not measured by {power.meter}: {error.message}"
        lost = Finding("energy-not-measured", f"energy was {reason}; {error.remedy}" if error.remedy else reason)
        return [Figure("energy", None, "mJ", "measured", provenance=reason)], [lost]
    figure = energy_figure(energy, loop, str(power.meter), board.device.name, meter.capabilities().source)
    return [figure], energy_findings(energy)
