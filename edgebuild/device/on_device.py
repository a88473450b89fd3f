"""What runs on a Linux or Android device on our behalf (`native/on_device.sh`): its commands and its complaints."""

from __future__ import annotations

import os
import re
import shlex
import socket
from functools import cache
from pathlib import Path, PurePosixPath

from edgebuild.device.transport import Completed
from edgebuild.errors import DeviceBusyError, DeviceError

_SCRIPT = Path(__file__).parent / "native" / "on_device.sh"
_COMPLAINS = 97
_BUSY = "wait, or ask there: the other job is that of uid@machine, which reaches the device by the name after it"
_PREFIX = "edgebuild: "
_MACHINES = {"3e00": "x86-64", "0300": "x86", "b700": "aarch64", "2800": "arm", "f300": "riscv"}
"""Bytes 18 and 19 of an ELF file (System V ABI, chapter 4) -> architecture."""


@cache
def _script() -> str:
    lines = [line.strip() for line in _SCRIPT.read_text().splitlines()]
    return "\n".join(line for line in lines if line and not line.startswith("#"))


def command(name: str, *arguments: str) -> str:
    """The line for a shell of the device that runs one command of the script."""
    return shlex.join(own_command(name, *arguments))


def own_command(name: str, *arguments: str) -> list[str]:
    """What this machine is to start that runs one command of the script."""
    return ["sh", "-c", _script(), "edgebuild", name, *arguments]


def owner(name: str, ledger: str) -> str:
    """Who we are to a device that many reach, in one word: this user and machine, our name for it, and whose tokens.

    Leases are of names, and lie in a folder: where one device has two names, or jobs have two folders, neither lease
    knows of the other, as those of two machines. Then the ledgers differ.
    """
    return re.sub(r"[^A-Za-z0-9.@:/-]", "_", f"{os.getuid()}@{socket.gethostname()}/{name}/{ledger}")


def inside(device: str, work: str, name: str) -> str:
    """The path of `name` below the work folder of a device.

    Raises:
        DeviceError: it leaves that folder.
    """
    path = PurePosixPath(os.path.normpath(PurePosixPath(work) / name))
    if not path.is_relative_to(work):
        msg = f"device {device!r}: {name!r} leaves the working folder"
        raise DeviceError(msg, remedy="name a path below it")
    return str(path)


def require_no_complaint(device: str, completed: Completed) -> None:
    """See that the script itself had nothing to complain of.

    Raises:
        DeviceBusyError: another job has the device.
        DeviceError: it had another complaint.
    """
    lines = completed.stderr.decode(errors="replace").splitlines()
    if completed.exit_code != _COMPLAINS or not lines or not lines[-1].startswith(_PREFIX):
        return
    kind, _, rest = lines[-1].removeprefix(_PREFIX).partition(": ")
    about = f"device {device!r}"
    if kind == "absent":
        msg = f"{about}: cannot start {rest!r}: No such file or directory"
        raise DeviceError(msg, remedy="install the program there, or push it first and name it ./program")
    if kind == "foreign":
        theirs, ours, program = rest.split(" ", 2)
        msg = (
            f"{about}: cannot start {program!r}: it is a program for {_machine(theirs)}, the device is {_machine(ours)}"
        )
        raise DeviceError(msg, remedy="push the program that was built for this device")
    if kind == "late":
        msg = f"{about}: {rest}"
        raise DeviceError(msg, remedy="start again, with a longer lease: ttl in the device file")
    if kind == "busy":
        msg = f"{about} is busy: {rest}"
        raise DeviceBusyError(msg, remedy=_BUSY)
    msg = f"{about}: {lines[-1].removeprefix(_PREFIX)}"
    raise DeviceError(msg, remedy="make room on the device, or name another folder in its file")


def _machine(kind: str) -> str:
    """`aarch64` for the first ten and the 37th to 40th hexadecimal digits of an ELF file."""
    return _MACHINES.get(kind[10:], "another machine")
