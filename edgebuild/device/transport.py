"""How a device is reached: the one seam between a benchmark and wherever the file runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from edgebuild.config.parameters import Parameters
from edgebuild.errors import DeviceError
from edgebuild.figure import Kind

MEASURED_THERE = ("latency", "latency_p90", "latency_p99", "load_time", "peak_memory")
"""What a device that is no emulator is measured for."""


@dataclass(frozen=True)
class Completed:
    """What a program on a device left behind; `seconds` is the wall time from start to end."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    seconds: float


class Transport(Protocol):
    """An open connection to one device.

    Paths on the device are relative to a working folder, which the transport makes and removes.
    """

    def push(self, source: Path, destination: str) -> None:
        """Copy a file or folder of this machine to `destination`; folders on the way are made.

        Raises:
            DeviceError: the source is missing, the device is gone or full, or the path leaves the working folder.
        """
        ...

    def pull(self, source: str, destination: Path) -> None:
        """Copy a file or folder of the device to `destination` on this machine.

        Raises:
            DeviceError: the source is missing on the device, or the device is gone.
        """
        ...

    def run(self, argv: Sequence[str], timeout: float) -> Completed:
        """Run a program in the working folder until it ends; a non-zero exit code is a result, not an error.

        Raises:
            DeviceError: there is no such program, the device is gone, or `timeout` seconds passed; then the program and
                all that it started are dead.
        """
        ...

    def properties(self) -> dict[str, str]:
        """What the device says of itself.

        Always `cpu`, `cores`, `architecture`, `kernel` and `memory_kib`; where it tells, `board`, `governor`,
        `clock_khz`, `clock_limit_khz`, `highest_clock_khz`, `temperature_millicelsius`, and by what it is slowed down:
        `cooling` (the kernel), `throttled` (a Raspberry Pi), `thermal_status` (Android). Of its cores `online_cores`
        (`0-7`), and which of them have what `core_capacity` and `core_clock_khz` (`0-3:160 4-7:1024`). Android has
        `android`, its version, besides.
        """
        ...

    def close(self) -> None:
        """End the connection and remove the working folder."""
        ...


@runtime_checkable
class FencesItself(Protocol):
    """A transport whose device refuses what comes late by itself, also from another machine."""

    def fence(self, token: int, ledger: str, seconds: float) -> None:
        """Have the device alone for `seconds`, renewed by each use.

        Args:
            token: of the lease.
            ledger: whose tokens only grow: what has a smaller one of the same is over, and is ended.
            seconds: until it ends by itself.

        Raises:
            DeviceBusyError: a job with a lease of another ledger has it.
            DeviceError: `token` is smaller than that of who had it last.
        """
        ...


@dataclass(frozen=True)
class TransportKind:
    """One way to reach devices; registered in TRANSPORTS under its name in `devices/*.yaml`.

    Attributes:
        title: one line for docs.
        parameters: the typed table of what a device file says for this transport.
        open: (name of the device, parameters) -> Transport.
        address: (name of the device, parameters) -> what is leased: two device files of one board give the same.
            None where every connection has a device of its own, so that nobody has to wait.
        figures: what a build learns there -> how: `measured` needs the device itself, the other kinds need none.
        formats: of export, whose files alone it runs; empty where runtimes of this host have a counterpart there.
    """

    title: str
    parameters: type[Parameters]
    open: Callable[[str, Any], Transport]
    address: Callable[[str, Any], str | None] = lambda device, _parameters: device
    figures: Mapping[str, Kind] = field(default_factory=lambda: dict.fromkeys(MEASURED_THERE, "measured"))
    formats: tuple[str, ...] = ()


def require_properties(device: str, wanted: Mapping[str, str], found: Mapping[str, str]) -> None:
    """See that a device is the one that its file describes.

    Raises:
        DeviceError: a wanted property is missing or another one; all of them are named.
    """
    wrong = [
        f"{key}: {found.get(key, 'not told')}, expected {value}"
        for key, value in wanted.items()
        if found.get(key) != value
    ]
    if wrong:
        msg = f"device {device!r} is not the one that its file describes: {'; '.join(wrong)}"
        raise DeviceError(msg, remedy=f"connect the right device, or correct devices/{device}.yaml")
