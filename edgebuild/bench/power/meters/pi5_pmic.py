"""The meter `pi5-pmic`: the power management chip of a Raspberry Pi 5, read by `vcgencmd pmic_read_adc`."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from pydantic import Field

from edgebuild.bench.power.meter import Capabilities, MeterKind, PowerMeter, Trace
from edgebuild.bench.power.on_device import OWN_SECONDS, Sample, SampledOptions, sampled_meter, samples_of, shell
from edgebuild.config.registries import METERS
from edgebuild.device.transport import Transport
from edgebuild.errors import DeviceError

_LINE = re.compile(r"\s*(?P<rail>\w+)_(?P<what>[AV])\s+(?:current|volt)\(\d+\)=(?P<value>[\d.]+)[AV]\s*")
_ACCURACY = 0.15
_SOURCE = "the sum of its rails is 13 % below a meter in the supply (jfikar/RPi5-power: 1.1451 x sum + 0.5879 W)"
"""Not corrected here: what the chip loses and what USB draws is not in the sum."""


class PmicOptions(SampledOptions):
    """Options of the meter `pi5-pmic`."""

    command: str = Field(default="vcgencmd pmic_read_adc", description="what prints the readings on the device")


def open_meter(transport: Transport, options: PmicOptions) -> PowerMeter:
    """The meter of a device.

    Raises:
        DeviceError: it does not print readings.
    """
    rails = watts_of(shell(transport, options.command, OWN_SECONDS).splitlines())
    if not rails:
        msg = f"`{options.command}` printed no current and voltage of the same rail"
        raise DeviceError(msg, remedy="only a Raspberry Pi 5 has this chip; the user must be in the group video")
    return sampled_meter(
        transport,
        options.command,
        options.seconds,
        Capabilities(tuple(rails), 1 / options.seconds, _ACCURACY, _SOURCE),
        trace_of,
    )


def watts_of(lines: Sequence[str]) -> dict[str, float]:
    """Rail -> W, of those with a current and a voltage; the inputs have a voltage only."""
    found: dict[str, dict[str, float]] = {}
    for line in lines:
        match = _LINE.fullmatch(line)
        if match is not None:
            found.setdefault(match["rail"], {})[match["what"]] = float(match["value"])
    return {rail: values["A"] * values["V"] for rail, values in found.items() if len(values) == 2}


def trace_of(samples: Sequence[Sample]) -> Trace:
    """The trace in what was printed; a sample that was cut off is left out.

    Raises:
        DeviceError: none was whole.
    """
    read = [(stamp, watts_of(lines)) for stamp, lines in samples]
    most = max((len(watts) for _, watts in read), default=0)
    whole = [(stamp, watts) for stamp, watts in read if watts and len(watts) == most]
    if not whole:
        msg = f"the power management chip gave nothing that can be read in {len(samples)} samples"
        raise DeviceError(msg, remedy="see what `vcgencmd pmic_read_adc` prints on the device")
    rails = {rail: np.array([watts[rail] for _, watts in whole]) for rail in whole[0][1]}
    return Trace(np.array([stamp for stamp, _ in whole]), rails)


def read_recording(text: str) -> Trace:
    """The trace in a recording of the sampling loop."""
    return trace_of(list(samples_of(text)))


METERS.register("pi5-pmic")(
    MeterKind(
        "power management chip of a Raspberry Pi 5",
        PmicOptions,
        open_meter,
        "text in the form that the chip's tool prints; no Raspberry Pi 5 was attached",
    )
)
