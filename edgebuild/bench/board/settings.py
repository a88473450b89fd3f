"""How a file is measured on a device that is not emulated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgebuild.config.device import Device
from edgebuild.device.cores import Placement, place_on_cores
from edgebuild.errors import ConfigError

TIME_LIMIT = 600.0
"""Seconds, until which processes are added for a wanted interval."""


@dataclass(frozen=True)
class BoardSettings:
    """How to measure on a device that is not emulated.

    Attributes:
        runs: inferences per process, warm-up included; at least 20.
        processes: separate processes; at least 2.
        seed: of the bootstrap.
        precision: width of the interval, as a share of its estimate, until which processes are added; None adds none.
        time_limit: s, after which none is added.
        operations: time each operation too, in one more process.
        threads: of the runtime; None takes what the device file says.
        cores: to pin to, as `edgebuild.config.cores` has them; None takes what the device file says.
    """

    runs: int = 200
    processes: int = 3
    seed: int = 0
    precision: float | None = None
    time_limit: float = TIME_LIMIT
    operations: bool = True
    threads: int | None = None
    cores: str | None = None

    def placement(self, device: Device, told: Mapping[str, str]) -> Placement:
        """Where the file runs on a device that says `told` of itself.

        Raises:
            ConfigError: the device has no such cores, or fewer than threads; it is emulated, and runs one thread only,
                or is asked for an interval of times.
        """
        threads = device.bench.threads if self.threads is None else self.threads
        cores = device.bench.cores if self.cores is None else self.cores
        if told.get("emulated") != "true":
            return place_on_cores(device.name, told, threads, cores)
        if threads != 1 or cores is not None:
            asked = f"{threads} threads" if threads != 1 else f"cores {cores}"
            msg = f"device {device.name!r} is emulated and runs one thread on a core of its own, not {asked}"
            raise ConfigError(msg, remedy="leave that out; only a real device has threads and cores")
        if self.precision is not None:
            msg = f"device {device.name!r} is emulated: its instructions are counted, and no process more tells better"
            raise ConfigError(msg, remedy="leave --precision out; only a real device is timed")
        return Placement()
