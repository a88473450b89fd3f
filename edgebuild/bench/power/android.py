"""What the meters of Android phones share: how Perfetto records, and that a phone that charges is refused."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from edgebuild.bench.power.meter import Capabilities, Trace
from edgebuild.bench.power.on_device import OWN_SECONDS, STOP, OnDeviceMeter, shell
from edgebuild.bench.power.perfetto_trace import PowerRecord, read_power
from edgebuild.device.transport import Transport
from edgebuild.errors import DeviceError

_PLUGGED = re.compile(r"\s*(?P<source>AC|USB|Wireless|Dock) powered: true\s*")
_CHARGING = "2"
"""BatteryManager.BATTERY_STATUS_CHARGING."""

CONFIGURATION = """\
buffers {{ size_kb: 16384 fill_policy: RING_BUFFER }}
data_sources {{
  config {{
    name: "android.power"
    android_power_config {{
      battery_poll_ms: {milliseconds}
      battery_counters: BATTERY_COUNTER_CURRENT
      battery_counters: BATTERY_COUNTER_VOLTAGE
      collect_power_rails: {rails}
    }}
  }}
}}
"""


def require_unplugged(state: str) -> None:
    """See from what `dumpsys battery` prints that a phone runs on its battery alone.

    Raises:
        DeviceError: it is plugged in or charging, or its state is not told.
    """
    lines = state.splitlines()
    if not any("powered:" in line for line in lines):
        msg = "the phone does not tell whether it is charging"
        raise DeviceError(msg, remedy="see what `dumpsys battery` prints on it")
    plugged = [match["source"] for line in lines if (match := _PLUGGED.fullmatch(line))]
    status = [line.partition(":")[2].strip() for line in lines if line.strip().startswith("status:")]
    if plugged or _CHARGING in status:
        how = f"by {' and '.join(plugged)}" if plugged else "though nothing is plugged in"
        msg = f"the phone is charging ({how}): what it draws does not come from its battery alone"
        raise DeviceError(msg, remedy="reach it over Wi-Fi (adb tcpip) and pull the cable")


def perfetto_meter(
    transport: Transport,
    period: float,
    capabilities: Capabilities,
    trace_of: Callable[[PowerRecord], Trace],
    *,
    rails: bool,
) -> OnDeviceMeter:
    """A meter that has Perfetto record on the phone every `period` s."""
    configuration = CONFIGURATION.format(milliseconds=round(1000 * period), rails=str(rails).lower())
    script = (
        f"cat > power.cfg <<'EOF'\n{configuration}EOF\n"
        "perfetto --txt -c - -o - < power.cfg > power.trace 2> power.log &\nrecorder=$!\n"
        f"while [ ! -e {STOP} ]; do sleep 0.1; done\n"
        "kill -TERM $recorder; wait $recorder\ncat power.log >&2; cat power.trace\n"
    )

    def check() -> None:
        require_unplugged(shell(transport, "dumpsys battery", OWN_SECONDS))
        shell(transport, "command -v perfetto", OWN_SECONDS)

    def read(printed: bytes) -> Trace:
        require_unplugged(shell(transport, "dumpsys battery", OWN_SECONDS))
        return trace_of(read_power(printed))

    return OnDeviceMeter(transport, script, capabilities, read, check)


def rails_trace(record: PowerRecord, chosen: tuple[str, ...]) -> Trace:
    """W of each rail between its readings, on the times of all of them.

    Raises:
        DeviceError: the phone has no such rails, or fewer than two readings.
    """
    usable = {name: rows for name, rows in record.energy.items() if len({time for time, _ in rows}) > 1}
    missing = [name for name in chosen if name not in usable]
    if missing or not usable:
        found = ", ".join(usable) or "none"
        msg = f"no power rail {missing[0]!r}: found {found}" if missing else "the phone tells of no power rails"
        raise DeviceError(msg, remedy="only some phones have them; else use `meter: android-battery`")
    wanted = {
        name: np.array(sorted(dict(rows).items())) for name, rows in usable.items() if not chosen or name in chosen
    }
    begin = max(rows[0, 0] for rows in wanted.values())
    end = min(rows[-1, 0] for rows in wanted.values())
    times = np.unique(np.concatenate([rows[:, 0] for rows in wanted.values()]))
    times = times[(times >= begin) & (times <= end)]
    watts = {}
    for name, rows in wanted.items():
        joules = np.interp(times, rows[:, 0], rows[:, 1])
        watts[name] = np.concatenate([[0.0], np.diff(joules) / np.diff(times)])
    return Trace(times, watts, counted=True)


def battery_trace(record: PowerRecord) -> Trace:
    """W that the battery gives.

    Raises:
        DeviceError: there are no readings with a voltage, or the battery was charged in between.
    """
    whole = [(time, current, volts) for time, current, volts in record.battery if volts]
    if not whole:
        msg = f"the battery gave {len(record.battery)} readings, none of current and voltage together"
        raise DeviceError(msg, remedy="use a newer Android, whose traces hold the voltage, or `meter: android-rails`")
    currents = np.array([current for _, current, _ in whole])
    if (currents > 0).any() and (currents < 0).any():
        msg = "the current of the battery changed its direction: it was charged while it was measured"
        raise DeviceError(msg, remedy="pull the cable and measure again")
    seconds = np.array([time for time, _, _ in whole])
    volts = np.array([volts for _, _, volts in whole])
    return Trace(seconds, {"battery": np.abs(currents) * volts})
