"""The meter `hwmon`: current monitors of Linux' hardware monitoring, like the INA2xx of Texas Instruments."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from edgebuild.bench.power.meter import Capabilities, MeterKind, PowerMeter, Trace
from edgebuild.bench.power.on_device import OWN_SECONDS, Sample, SampledOptions, sampled_meter, shell
from edgebuild.config.registries import METERS
from edgebuild.device.transport import Transport
from edgebuild.errors import DeviceError

CHIPS = re.compile(r"ina(209|219|220|226|228|230|231|233|237|238|260|3221)")
_ACCURACY = 0.02
_SOURCE = "INA219: 1 % of the current over temperature, and a shunt of 1 % (Texas Instruments, SBOS448G, table 6.5)"
_SHUNT_CHANNELS = 3
"""An INA3221 has bus voltages in1 to in3, currents curr1 to curr3 (kernel: Documentation/hwmon/ina3221.rst)."""


class HwmonOptions(SampledOptions):
    """Options of the meter `hwmon`."""

    root: str = Field(default="/sys/class/hwmon", description="folder of the kernel's monitors")
    chip: str | None = Field(default=None, description="name of the one to read; default: every INA2xx and INA3221")
    rails: tuple[str, ...] = Field(default=(), description="labels of the rails that make up the device; default: all")


@dataclass(frozen=True)
class Channel:
    """One rail: the file with uW, or those with mV and mA."""

    name: str
    files: tuple[str, ...]

    def watts(self, values: Sequence[str]) -> float:
        """From the texts of its files."""
        if len(values) == 1:
            return int(values[0]) / 1e6
        return int(values[0]) * int(values[1]) / 1e6


def open_meter(transport: Transport, options: HwmonOptions) -> PowerMeter:
    """The meter of a device.

    Raises:
        DeviceError: it has no such monitor.
    """
    listing = shell(transport, f"for f in {options.root}/*/*; do echo $f; done", OWN_SECONDS)
    names = shell(transport, f"for f in {options.root}/*/name; do echo $f $(cat $f); done", OWN_SECONDS)
    labels = shell(
        transport, f"for f in {options.root}/*/in*_label; do [ -e $f ] && echo $f $(cat $f); done; true", 20.0
    )
    channels = channels_of(listing.split(), _pairs(names), _pairs(labels), options)
    files = [file for channel in channels for file in channel.files]
    command = "cat " + " ".join(files)
    capabilities = Capabilities(tuple(one.name for one in channels), 1 / options.seconds, _ACCURACY, _SOURCE)

    def read(samples: Sequence[Sample]) -> Trace:
        return trace_of(samples, channels)

    return sampled_meter(transport, command, options.seconds, capabilities, read)


def _pairs(text: str) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in text.splitlines() if " " in line)


def channels_of(
    files: Sequence[str], names: Mapping[str, str], labels: Mapping[str, str], options: HwmonOptions
) -> tuple[Channel, ...]:
    """The rails of the wanted monitors.

    Args:
        files: paths of all their files.
        names: path of a file `name` -> its text.
        labels: path of a file `inN_label` -> its text.
        options: of the meter.

    Raises:
        DeviceError: there is none, or a rail that was asked for is not among them.
    """
    there, channels = set(files), list[Channel]()
    for path, chip in sorted(names.items()):
        folder = path.removesuffix("/name")
        if options.chip in (None, chip) and (options.chip is not None or CHIPS.fullmatch(chip)):
            channels += _of_chip(folder, chip, there, labels)
    if not channels:
        found = ", ".join(sorted(set(names.values()))) or "none at all"
        msg = f"no current monitor among the monitors in {options.root}: found {found}"
        raise DeviceError(msg, remedy="load its driver (ina2xx, ina3221), or name another under power.options.chip")
    missing = [rail for rail in options.rails if rail not in {one.name for one in channels}]
    if missing:
        msg = f"no rail {missing[0]!r}: found {', '.join(one.name for one in channels)}"
        raise DeviceError(msg, remedy="correct power.options.rails of the device file")
    return tuple(one for one in channels if not options.rails or one.name in options.rails)


def _of_chip(folder: str, chip: str, there: set[str], labels: Mapping[str, str]) -> list[Channel]:
    if f"{folder}/power1_input" in there:
        return [Channel(labels.get(f"{folder}/in1_label", chip), (f"{folder}/power1_input",))]
    found = []
    for number in range(1, _SHUNT_CHANNELS + 1):
        pair = (f"{folder}/in{number}_input", f"{folder}/curr{number}_input")
        if set(pair) <= there:
            found.append(Channel(labels.get(f"{folder}/in{number}_label", f"{chip}.{number}"), pair))
    return found


def trace_of(samples: Sequence[Sample], channels: Sequence[Channel]) -> Trace:
    """The trace in what was read; a sample that was cut off is left out.

    Raises:
        DeviceError: none was whole.
    """
    wanted = sum(len(channel.files) for channel in channels)
    whole = [(stamp, lines) for stamp, lines in samples if len(lines) == wanted]
    if not whole:
        msg = f"the current monitor gave nothing that can be read in {len(samples)} samples"
        raise DeviceError(msg, remedy="see whether its files can be read on the device")
    rails: dict[str, list[float]] = {channel.name: [] for channel in channels}
    for _, lines in whole:
        position = 0
        for channel in channels:
            rails[channel.name].append(channel.watts(lines[position : position + len(channel.files)]))
            position += len(channel.files)
    seconds = np.array([stamp for stamp, _ in whole])
    return Trace(seconds, {name: np.array(watts) for name, watts in rails.items()})


METERS.register("hwmon")(
    MeterKind(
        "current monitors of Linux (INA2xx, INA3221) on the device's own supply",
        HwmonOptions,
        open_meter,
        "a folder laid out like the kernel's; no such chip was attached",
    )
)
