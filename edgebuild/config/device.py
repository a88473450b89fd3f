"""Devices: how one physical or emulated device is reached, and what it must be."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from edgebuild.config.cores import Cores
from edgebuild.config.fields import Name, Table
from edgebuild.config.quantity import Celsius, Milliseconds
from edgebuild.config.wording import BadValueError


def _long_enough(milliseconds: float) -> float:
    if milliseconds < 1000.0:
        msg = "expected at least 1 s"
        raise BadValueError(msg, tell_found=True)
    return milliseconds


class Lease(Table):
    """How long a job may keep the device without a sign of life."""

    ttl: Annotated[Milliseconds, AfterValidator(_long_enough)] = Field(
        default=600_000.0, description="a crashed job frees its device after this time, at least 1 s"
    )


class Bench(Table):
    """How a file is measured on a real device, where the command line does not say otherwise."""

    threads: int = Field(default=1, ge=1, description="of the runtime")
    cores: Cores | None = Field(
        default=None, description="to pin to: a kind of cores, or numbers like `4-7`; none: the system chooses"
    )
    start_below: Celsius = Field(
        default=60.0, description="a process waits until the device is cooler, and is not slowed down"
    )
    slows_at: Celsius = Field(
        default=80.0, description="where the device slows down by itself: times from 5 degrees below are doubtful"
    )
    cool_within: Milliseconds = Field(default=300_000.0, description="how long one benchmark waits for that in all")
    retries: int = Field(
        default=3, ge=0, description="processes of one benchmark that are run again because the device was slowed down"
    )


class Power(Table):
    """How a device's power is measured, and which board's published powers are taken where it is not."""

    meter: str | None = Field(default=None, description="which power meter is attached; none: energy is estimated")
    board: str | None = Field(default=None, description="whose published powers are taken without a meter")
    options: dict[str, Any] = Field(default_factory=dict, description="of the meter")


class Device(Table):
    """One file of `devices/`."""

    name: Name = Field(description="what `device:` in a profile refers to")
    description: str = Field(default="", description="one line")
    transport: str = Field(description="how it is reached")
    properties: dict[str, str] = Field(
        default_factory=dict, description="what it must say of itself (cpu, architecture, …), checked before it is used"
    )
    lease: Lease = Field(default_factory=Lease, description="exclusive use")
    options: dict[str, Any] = Field(default_factory=dict, description="of the transport")
    bench: Bench = Field(default_factory=Bench, description="how files are measured on a real device")
    calibration: str | None = Field(
        default=None,
        description="what `edgebuild calibrate` wrote, a path from the device file: times are estimated by it",
    )
    power: Power | None = Field(default=None, description="how energy is measured or estimated")
