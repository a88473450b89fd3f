"""The meter `rapl`: the energy counters of Intel and AMD processors, by Linux' powercap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from edgebuild.bench.power.meter import Capabilities, MeterKind, PowerMeter, Trace
from edgebuild.bench.power.on_device import OWN_SECONDS, Sample, SampledOptions, sampled_meter, shell
from edgebuild.config.registries import METERS
from edgebuild.device.transport import Transport
from edgebuild.errors import DeviceError

_ACCURACY = 0.05
_SOURCE = "within 5 % of a meter for package and memory: Khan et al. 2018, RAPL in action, ACM TOMPECS 3(2)"
_WHOLE = "psys"
"""The counter of the whole system, which holds the others."""


class RaplOptions(SampledOptions):
    """Options of the meter `rapl`."""

    root: str = Field(default="/sys/class/powercap", description="folder of the kernel's counters")


@dataclass(frozen=True)
class Zone:
    """One counter: its name, its file of uJ, and where it begins again."""

    name: str
    file: str
    wraps: int


def open_meter(transport: Transport, options: RaplOptions) -> PowerMeter:
    """The meter of a device.

    Raises:
        DeviceError: it has no such counters.
    """
    command = (
        f"for d in {options.root}/*; do [ -e $d/energy_uj ] && "
        "echo $d $(cat $d/max_energy_range_uj) $(cat $d/name); done; true"
    )
    zones = zones_of(shell(transport, command, OWN_SECONDS), options.root)
    capabilities = Capabilities(tuple(one.name for one in zones), 1 / options.seconds, _ACCURACY, _SOURCE)

    def read(samples: Sequence[Sample]) -> Trace:
        return trace_of(samples, zones)

    return sampled_meter(transport, "cat " + " ".join(one.file for one in zones), options.seconds, capabilities, read)


def zones_of(listing: str, root: str) -> tuple[Zone, ...]:
    """The counters that add up to what is drawn: packages and memory, or the whole system where it is counted.

    Args:
        listing: lines of path, range in uJ, name.
        root: for the message.

    Raises:
        DeviceError: there is none.
    """
    found: Mapping[str, Zone] = {
        path: Zone(name, f"{path}/energy_uj", int(wraps))
        for path, wraps, name in (line.split(" ", 2) for line in listing.splitlines() if line.count(" ") >= 2)
    }
    whole = [zone for zone in found.values() if zone.name == _WHOLE]
    parts = [zone for path, zone in sorted(found.items()) if zone.name.startswith("package") or zone.name == "dram"]
    named = {zone.name for zone in parts}
    if not whole and not named:
        msg = f"no energy counter of a processor in {root}"
        raise DeviceError(msg, remedy="load the kernel's intel_rapl_msr; virtual machines have no such counters")
    doubled = len(named) < len(parts)
    return tuple(whole[:1] or [Zone(f"{z.name}.{i}", z.file, z.wraps) if doubled else z for i, z in enumerate(parts)])


def trace_of(samples: Sequence[Sample], zones: Sequence[Zone]) -> Trace:
    """W of each zone, the mean since the sample before; the first sample only says where the counters begin.

    Raises:
        DeviceError: fewer than two samples were whole.
    """
    whole = [(stamp, lines) for stamp, lines in samples if len(lines) == len(zones)]
    seconds = np.array([stamp for stamp, _ in whole])
    kept = np.concatenate([[True], np.diff(seconds) > 0]) if len(whole) else np.zeros(0, bool)
    if len(whole) < 2:
        msg = f"the energy counters gave nothing that can be read in {len(samples)} samples"
        raise DeviceError(msg, remedy="only root may read them: allow it (chmod o+r energy_uj), or run as root")
    rails = {}
    for position, zone in enumerate(zones):
        counts = np.array([int(lines[position]) for _, lines in whole])[kept]
        steps = np.diff(counts) % zone.wraps
        rails[zone.name] = np.concatenate([[0.0], steps / 1e6 / np.diff(seconds[kept])])
    return Trace(seconds[kept], rails, counted=True)


METERS.register("rapl")(
    MeterKind(
        "energy counters of Intel and AMD processors (RAPL); the processor, not the device",
        RaplOptions,
        open_meter,
        "a folder laid out like the kernel's; this host's processor shows no counters",
    )
)
