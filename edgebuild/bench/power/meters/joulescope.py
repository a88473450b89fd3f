"""The meter `joulescope`: Jetperch's JS110 and JS220, in the device's supply."""

from __future__ import annotations

import queue
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import Field

from edgebuild.bench.power.meter import Capabilities, MeterKind, PowerMeter, Trace
from edgebuild.bench.power.on_bench import BenchMeter, Chunk, clock_of, library
from edgebuild.config.parameters import Parameters
from edgebuild.config.registries import METERS
from edgebuild.device.transport import Transport
from edgebuild.errors import DeviceError

RATE_HZ = 100.0
_ACCURACY = 0.01
_SOURCE = "1 % of the power, assumed wider than the data sheets of JS110 and JS220"
_FULL_RATE = {"js110": 2_000_000, "js220": 1_000_000}
"""Samples a second that the instruments take; what they send is their mean over a hundredth of a second."""


class JoulescopeOptions(Parameters):
    """Options of the meter `joulescope`."""

    device: str | None = Field(
        default=None, description="path that its driver lists, like u/js220/000415; default: first"
    )


def trace_of(chunks: Sequence[Chunk]) -> Trace:
    """The trace in the driver's statistics: mean W over each range of the instrument's own time.

    Raises:
        DeviceError: they are not what the driver sends.
    """
    try:
        found = [(moment, *_one(value)) for moment, values in chunks for value in values]
    except (KeyError, TypeError, IndexError) as error:
        msg = f"the statistics of the Joulescope lack {error}"
        raise DeviceError(msg, remedy="install another version of pyjoulescope_driver") from error
    ordered = sorted(found, key=lambda one: one[1])
    arrived, seconds, watts = (np.array(column) for column in zip(*ordered, strict=True))
    offset, error_seconds = clock_of(arrived, seconds)
    return Trace(seconds, {"total": watts}, clock_offset=offset, clock_error=error_seconds, counted=True)


def _one(value: Mapping[str, Any]) -> tuple[float, float]:
    """(end of the range in s, mean W)."""
    return float(value["time"]["range"]["value"][1]), float(value["signals"]["power"]["avg"]["value"])


class JoulescopeSource:
    """One instrument, by the package pyjoulescope_driver."""

    def __init__(self, options: JoulescopeOptions) -> None:
        self._options = options
        self._driver: Any = None
        self._path = ""
        self._values: queue.Queue[Mapping[str, Any]] = queue.Queue()

    def open(self) -> None:
        """Find the instrument and have it choose its range of current."""
        if self._driver is not None:
            return
        driver = library("pyjoulescope_driver").Driver()
        paths = [path for path in driver.device_paths() if any(model in path for model in _FULL_RATE)]
        if self._options.device not in (None, *paths) or not paths:
            msg = f"no such Joulescope: the driver lists {', '.join(paths) or 'none'}"
            raise DeviceError(msg, remedy="plug it in, or correct power.options.device")
        self._driver, self._path = driver, self._options.device or paths[0]
        driver.open(self._path)
        model = next(name for name in _FULL_RATE if name in self._path)
        driver.publish(f"{self._path}/s/i/range/{'select' if model == 'js110' else 'mode'}", "auto")
        if model == "js110":
            for signal in ("i", "v", "p"):
                driver.publish(f"{self._path}/s/{signal}/ctrl", "on")
        driver.publish(f"{self._path}/s/stats/scnt", round(_FULL_RATE[model] / RATE_HZ))

    def begin(self) -> None:
        """Have it send."""
        self._values = queue.Queue()
        self._driver.subscribe(f"{self._path}/s/stats/value", "pub", self._take)
        self._driver.publish(f"{self._path}/s/stats/ctrl", 1)

    def _take(self, _topic: str, value: Mapping[str, Any]) -> None:
        self._values.put(value)

    def read(self) -> list[Mapping[str, Any]]:
        """The statistics that arrived, one at a time so that each has its moment."""
        try:
            return [self._values.get(timeout=0.1)]
        except queue.Empty:
            return []

    def end(self) -> None:
        """Have it stop."""
        self._driver.publish(f"{self._path}/s/stats/ctrl", 0)
        self._driver.unsubscribe(f"{self._path}/s/stats/value", self._take)


def open_meter(_transport: Transport, options: JoulescopeOptions) -> PowerMeter:
    """The meter; in whose supply it is the user's word."""
    return BenchMeter(JoulescopeSource(options), Capabilities(("total",), RATE_HZ, _ACCURACY, _SOURCE), trace_of)


METERS.register("joulescope")(
    MeterKind(
        "Joulescope JS110 or JS220", JoulescopeOptions, open_meter, "statistics as its driver forms them; no instrument"
    )
)
