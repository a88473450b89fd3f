"""Finding a device through the adb server of this machine, which is started where there is none."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from edgebuild.device.adb_options import AdbOptions
from edgebuild.device.optional_library import optional_library
from edgebuild.errors import DeviceError, ToolError

START_SECONDS = 30.0
"""What an adb server may take until it is up."""
POLL_SECONDS = 0.1
_PASSING = ("offline", "connecting", "authorizing", "absent")
"""States that may be over in a moment: a device that was just connected."""

STATES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "unauthorized": (
            "does not trust this machine",
            "unlock its screen and allow USB debugging; if it does not ask: revoke its authorizations first",
        ),
        "authorizing": (
            "has not decided yet whether it trusts this machine",
            "unlock its screen, allow USB debugging for this machine, and start again",
        ),
        "offline": (
            "is known to adb, but does not answer",
            "connect it again, or switch USB debugging off and on; then: adb devices",
        ),
        "connecting": (
            "is known to adb, but does not answer",
            "see that it is switched on and near; then: adb devices",
        ),
        "no permissions": (
            "is there, but this user may not open its USB port",
            "let the user into the group plugdev, install android-sdk-platform-tools-common, and connect it again",
        ),
        "bootloader": ("has not started Android: it is in its bootloader", "adb reboot, or start it by its buttons"),
        "recovery": ("has not started Android: it is in recovery", "start Android on it"),
        "sideload": ("has not started Android: it waits for an update", "start Android on it"),
        "rescue": ("has not started Android: it is in rescue mode", "start Android on it"),
    }
)
"""State, as `adb devices` shows it -> what it means for us, and what to do."""


def library() -> Any:
    """The module adbutils.

    Raises:
        ToolError: it is not installed.
    """
    return optional_library("adbutils", "a device over adb", "devices")


def attach(device: str, options: AdbOptions) -> Any:
    """The AdbDevice of a device that is ready.

    Raises:
        DeviceError: it is not there, not ready, or does not trust this machine.
        ToolError: there is no adb, or its server does not start.
    """
    client = library().AdbClient(host=options.server_host, port=options.server_port)
    _require_server(client.host, client.port)
    deadline = time.monotonic() + options.connect_timeout / 1e3
    said = _connect(device, client, options) if options.is_address else ""
    while True:
        states = _states(client)
        state = states.get(options.serial, "absent")
        if state == "device":
            return client.device(serial=options.serial)
        if state not in _PASSING or time.monotonic() >= deadline or (state == "absent" and not options.is_address):
            raise refused(device, options.serial, state, states, said)
        time.sleep(POLL_SECONDS)


def refused(device: str, serial: str, state: str, states: Mapping[str, str], said: str = "") -> DeviceError:
    """The error for a device that is in another state than `device`.

    Args:
        device: name of its file.
        serial: of its file.
        state: as `adb devices` shows it; `absent` where it does not.
        states: serial -> state of all devices.
        said: by the adb server when it was to connect.
    """
    if state == "absent":
        others = ", ".join(f"{other} ({its})" for other, its in sorted(states.items())) or "no device"
        why = f": {said}" if said else f": adb has {others}"
        msg = f"device {device!r} is not there: {serial}{why}"
        remedy = "connect it, switch on USB debugging in its developer options, and compare with: adb devices"
        return DeviceError(msg, remedy=remedy)
    for name, (meaning, remedy) in STATES.items():
        if state.startswith(name):
            return DeviceError(f"device {device!r} ({serial}) {meaning} (adb says {state})", remedy=remedy)
    msg = f"device {device!r} ({serial}) is not ready: adb says {state}"
    return DeviceError(msg, remedy="see what it shows, and start Android on it")


def _connect(device: str, client: Any, options: AdbOptions) -> str:
    """What the server says to `adb connect`; a connection that is dead is made again."""
    if _states(client).get(options.serial) == "offline":
        client.disconnect(options.serial)
    try:
        said: str = client.connect(options.serial, timeout=options.connect_timeout / 1e3)
    except library().AdbTimeout:
        msg = f"device {device!r}: {options.serial} did not answer within {options.connect_timeout / 1e3:g} s"
        raise DeviceError(msg, remedy="see that it is switched on and in this network") from None
    return said.strip()


def _states(client: Any) -> dict[str, str]:
    with client.make_connection(timeout=START_SECONDS) as connection:
        connection.send_command("host:devices")
        connection.check_okay()
        lines = connection.read_string_block().splitlines()
    return {serial: state for serial, _, state in (line.partition("\t") for line in lines) if state}


def _require_server(host: str, port: int) -> None:
    """See that an adb server listens; start one where this machine has none."""
    if _listens(host, port):
        return
    if host not in ("127.0.0.1", "localhost"):
        msg = f"no adb server answers on {host}:{port}"
        raise ToolError(msg, remedy="start it there: adb -a nodaemon server")
    try:
        adb = library().adb_path()
        done = subprocess.run(
            [adb, "-P", str(port), "start-server"],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            cwd="/",
            timeout=START_SECONDS,
            check=False,
        )
    except (library().AdbError, OSError, subprocess.TimeoutExpired) as error:
        msg = f"the adb server cannot be started: {error}"
        raise ToolError(msg, remedy="pip install --force-reinstall adbutils, or put adb on PATH") from None
    if done.returncode or not _listens(host, port):
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        msg = f"the adb server cannot be started: {lines[-1] if lines else 'adb says nothing'}"
        raise ToolError(msg, remedy=f"see what it says: {adb} -P {port} nodaemon server")


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=3):
            return True
    except OSError:
        return False
