"""Measuring the energy of an inference: idle, a long loop, idle again, all in one trace."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from edgebuild.bench.power.energy import FEWEST_SAMPLES, Energy, energy_of
from edgebuild.bench.power.meter import MeterKind, PowerMeter
from edgebuild.check.finding import Finding
from edgebuild.config.device import Power
from edgebuild.config.registries import METERS
from edgebuild.device.transport import Transport
from edgebuild.figure import Figure

LOOP_SECONDS = 20.0
IDLE_SECONDS = 5.0
SETTLE_SECONDS = 1.0
"""After a program has ended, until the device is idle again; a loop ends within it before its program does."""
_IDLE, _LOOPED, _QUIET, _END = "idle", "looped", "quiet", "end"


@dataclass(frozen=True)
class EnergySettings:
    """How long to measure, s; `settle` is the time after a program has ended until the device is idle again."""

    loop: float = LOOP_SECONDS
    idle: float = IDLE_SECONDS
    settle: float = SETTLE_SECONDS


@dataclass(frozen=True)
class Loop:
    """What ran: inferences, and their seconds, the last of which ended when the program was about to end."""

    inferences: int
    seconds: float


def open_power_meter(power: Power, transport: Transport) -> PowerMeter | None:
    """The meter that a device file names; None where it names none.

    Raises:
        DeviceError: it is not there.
        ToolError: its library is missing.
    """
    if power.meter is None:
        return None
    kind: MeterKind = METERS.get(power.meter)
    return kind.open(transport, kind.parameters.model_validate(power.options))


def settings_for(meter: PowerMeter) -> EnergySettings:
    """Long enough for a meter that gives few samples a second."""
    fewest = 2 * FEWEST_SAMPLES / meter.capabilities().rate_hz
    return EnergySettings(max(LOOP_SECONDS, 2 * fewest), max(IDLE_SECONDS, fewest))


def runs_for(milliseconds: float, settings: EnergySettings) -> int:
    """How many inferences fill the loop."""
    return max(1, math.ceil(1000 * (settings.loop + 2 * settings.settle) / milliseconds))


def measure_energy(meter: PowerMeter, work: Callable[[], Loop], settings: EnergySettings) -> tuple[Energy, Loop]:
    """Energy of an inference of `work`, which runs the loop to its end.

    Raises:
        DeviceError: the meter cannot be read, lost samples, or the device is charging.
    """
    meter.arm()
    meter.start()
    try:
        time.sleep(settings.settle)
        meter.mark(_IDLE)
        time.sleep(settings.idle)
        meter.mark(_QUIET)
        loop = work()
        meter.mark(_LOOPED)
        time.sleep(settings.settle + settings.idle)
        meter.mark(_END)
    except BaseException:
        meter.stop()
        raise
    trace = meter.stop()
    looped, end = trace.at(_LOOPED), trace.at(_END)
    idle = ((trace.at(_IDLE), trace.at(_QUIET)), (end - settings.idle, end))
    inside = (looped - loop.seconds, looped - settings.settle)
    return energy_of(trace, idle, inside, loop.seconds / loop.inferences, meter.capabilities().accuracy), loop


def energy_figure(energy: Energy, loop: Loop, meter: str, device: str, accuracy: str) -> Figure:
    """Energy of an inference above idle, in mJ."""
    where = (
        f"{device}, meter {meter}, above idle: {loop.inferences} inferences in {loop.seconds:.1f} s at "
        f"{energy.active.watts:.3g} W, idle {energy.idle.watts:.3g} W before and after; accuracy: {accuracy}"
    )
    values = [1000 * joules for joules in (energy.joules, energy.low, energy.high)]
    value, low, high = values
    return Figure("energy", value, "mJ", "measured", low, high, energy.confidence, where)


def energy_findings(energy: Energy) -> list[Finding]:
    """A note where the meter cannot tell an inference from idle."""
    if energy.low > 0:
        return []
    message = (
        f"the meter hardly tells the loop ({energy.active.watts:.3g} W) from idle ({energy.idle.watts:.3g} W): "
        "the interval of the energy reaches zero"
    )
    return [Finding("energy-below-noise", message, severity="note")]
