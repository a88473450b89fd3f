"""The devices that can be named, and what can be done with one besides running something on it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from edgebuild.config.device import Device
from edgebuild.config.read_device import DEVICES, load_device
from edgebuild.config.shipped import shipped_devices
from edgebuild.device.connect import connected, reach_of
from edgebuild.device.lease import Lease, acquire, holder_of, lease_folder
from edgebuild.errors import ConfigError, DeviceError


def known_devices(root: Path) -> list[Device]:
    """The devices of the project in `root` and the shipped ones, by name; the project's replace shipped ones.

    Raises:
        ConfigError: one of their files is wrong.
    """
    own = {path.stem for path in (root / DEVICES).glob("*.yaml")}
    return [load_device(name, root) for name in sorted({*own, *shipped_devices()})]


def device_facts(device: Device) -> dict[str, Any]:
    """What can be said of a device without reaching it, as plain JSON values."""
    address = reach_of(device).address
    holder = holder_of(address) if address is not None else None
    state = "one for each" if address is None else "free" if holder is None else str(holder)
    return {
        "name": device.name,
        "description": device.description,
        "transport": device.transport,
        "address": address,
        "state": state,
        "holder": holder.to_json() if holder else None,
    }


def check_device(device: Device, token: int | None = None) -> dict[str, Any]:
    """Reach a device, under the lease of `token` where one was taken before.

    Raises:
        DeviceError: it is busy, cannot be reached, or is another one.
        ToolError: what the transport needs is missing.
    """
    started = time.perf_counter()
    with connected(device, lease=lease_of(device, token)) as transport:
        properties = transport.properties()
    seconds = time.perf_counter() - started
    return {
        "device": device.name,
        "transport": device.transport,
        "seconds": round(seconds, 3),
        "expected": dict(device.properties),
        "properties": properties,
    }


def lease_of(device: Device, token: int | None) -> Lease | None:
    """The lease that `lease_device` granted under this token; None without one, or where nothing is leased."""
    address = reach_of(device).address
    return None if token is None or address is None else Lease(device.name, address, token, lease_folder())


def lease_device(device: Device, seconds: float | None, wait: float) -> dict[str, Any]:
    """Take a device for longer than this process lives.

    Raises:
        DeviceBusyError: somebody else holds it.
        ConfigError: there is nothing to hold.
    """
    address = _held_address(device)
    duration = seconds or device.lease.ttl / 1e3
    lease = acquire(device.name, duration, address=address, with_process=False, wait=wait)
    return {"device": device.name, "address": address, "token": lease.token, "seconds": duration}


def release_device(device: Device, token: int | None, *, force: bool) -> dict[str, Any]:
    """Free a device; with `force` whoever holds it.

    Raises:
        DeviceError: the lease of `token` is over.
        ConfigError: neither a token nor `force` was given, or there is nothing to hold.
    """
    address = _held_address(device)
    if token is None and not force:
        msg = f"which lease of {device.name!r}?"
        raise ConfigError(msg, remedy="give --token as `devices lease` printed it, or --force to end anybody's lease")
    holder = holder_of(address)
    if token is not None and (holder is None or holder.token != token):
        now = holder or "the device is free"
        msg = f"device {device.name!r}: the lease {token} is over; {now}"
        raise DeviceError(msg, remedy="there is nothing to release; look who has it with: edgebuild devices list")
    if holder is None:
        return {"device": device.name, "released": False, "holder": None}
    lease = Lease(device.name, address, holder.token, lease_folder())
    return {"device": device.name, "released": lease.release(), "holder": holder.to_json()}


def _held_address(device: Device) -> str:
    address = reach_of(device).address
    if address is None:
        msg = f"device {device.name!r} is emulated anew for everybody: there is nothing to hold"
        raise ConfigError(msg, remedy="just use it")
    return address
