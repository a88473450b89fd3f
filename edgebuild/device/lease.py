"""Leases: who may use a device, until when; one file per device, which every process of this user here sees.

A lease ends by itself: when its time is over, when the process that took it is gone, or when the machine starts anew.
Each one has a fencing token, a number that only grows. Whoever asks with a smaller one than the last that was granted
is late: something else has the device now, and the late one is told so before it touches anything.
"""

from __future__ import annotations

import getpass
import logging
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgebuild.device.lease_records import (
    boot_id,
    born,
    lease_folder,
    locked,
    process_space,
    read_record,
    seconds_up,
    write_record,
)
from edgebuild.errors import DeviceBusyError, DeviceError, ToolError

__all__ = ["Holder", "Lease", "acquire", "hold", "holder_of", "lease_folder"]

POLL_SECONDS = 0.05
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Holder:
    """Who has a device.

    Attributes:
        token: of the lease, larger than that of any earlier one of this device.
        user: login name.
        pid: of the process that the lease ends with; None for a lease that was taken on the command line.
        seconds_left: until it ends by itself.
    """

    token: int
    user: str
    pid: int | None
    seconds_left: float

    def __str__(self) -> str:
        """For messages: `process 12 of pi holds it for another 30 s`."""
        who = f"process {self.pid} of {self.user}" if self.pid else f"{self.user} (token {self.token})"
        return f"{who} holds it for another {self.seconds_left:.0f} s"

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Lease:
    """The right to use a device alone, as long as `require` does not raise.

    Attributes:
        device: its name, for messages.
        address: what is leased; two names of one board have one address.
        token: larger than that of any earlier lease of this address.
        folder: where leases lie.
    """

    device: str
    address: str
    token: int
    folder: Path

    def require(self) -> None:
        """See that the device is still ours.

        Raises:
            DeviceError: the lease is over; the message says who has the device now.
        """
        with locked(self.folder, self.address) as path:
            self._require(path)

    def renew(self, seconds: float) -> None:
        """Let it end `seconds` from now; it never ends earlier than it would have.

        Raises:
            DeviceError: the lease is over.
        """
        with locked(self.folder, self.address) as path:
            record = self._require(path)
            ends = max(record["ends"], seconds_up() + seconds)
            write_record(path, {**record, "ends": ends})

    def release(self) -> bool:
        """Free the device; False where the lease was over already, and then nothing changes."""
        with locked(self.folder, self.address) as path:
            holder = _holder(path)
            if holder is None or holder.token != self.token:
                return False
            record = read_record(path)
            write_record(path, {key: record[key] for key in ("token", "ledger", "boot")})
            return True

    def ledger(self) -> str:
        """Whose tokens only grow: a larger one of the same ledger was granted because this lease was over.

        Raises:
            DeviceError: the lease is over.
        """
        with locked(self.folder, self.address) as path:
            ledger: str = self._require(path)["ledger"]
            return ledger

    def _require(self, path: Path) -> dict[str, Any]:
        holder = _holder(path)
        if holder is None or holder.token != self.token:
            now = f"; {holder}" if holder else ""
            msg = f"device {self.device!r}: the lease {self.token} is over{now}"
            raise DeviceError(msg, remedy="start again, with a longer lease: ttl in the device file")
        return read_record(path)


def acquire(
    device: str,
    seconds: float,
    folder: Path | None = None,
    *,
    address: str | None = None,
    with_process: bool = True,
    wait: float = 0.0,
) -> Lease:
    """Take `device` for `seconds`.

    Args:
        device: its name.
        seconds: until the lease ends by itself.
        folder: of the leases; `lease_folder()` by default.
        address: what is leased; the name by default.
        with_process: it also ends when this process does.
        wait: how long to wait for another holder, in seconds.

    Raises:
        DeviceBusyError: somebody else holds it, and did not let go within `wait`.
        ToolError: the folder of the leases cannot be used.
    """
    place = folder or lease_folder()
    deadline = time.monotonic() + wait
    while True:
        with locked(place, address or device) as path:
            holder = _holder(path)
            if holder is None:
                token = _grant(path, seconds, with_process)
                return Lease(device, address or device, token, place)
        if time.monotonic() >= deadline:
            msg = f"device {device!r} is busy: {holder}"
            raise DeviceBusyError(
                msg, remedy=f"wait, use another device, or end that lease: edgebuild devices release {device} --force"
            )
        time.sleep(POLL_SECONDS)


@contextmanager
def hold(
    device: str, seconds: float, folder: Path | None = None, *, address: str | None = None, wait: float = 0.0
) -> Iterator[Lease]:
    """Hold `device` alone until the block is left, for at most `seconds` without `Lease.renew`.

    Raises:
        DeviceBusyError: as of `acquire`.
        ToolError: as of `acquire`.
    """
    lease = acquire(device, seconds, folder, address=address, wait=wait)
    try:
        yield lease
    finally:
        try:
            lease.release()
        except ToolError as error:  # what was done under it is done, and the lease ends with this process
            logger.warning("device %r stays leased until this process ends: %s", device, error.message)


def holder_of(address: str, folder: Path | None = None) -> Holder | None:
    """Who has what is at `address` now; None where it is free."""
    with locked(folder or lease_folder(), address) as path:
        return _holder(path)


def _grant(path: Path, seconds: float, with_process: bool) -> int:
    last, boot = read_record(path), boot_id()
    # Milliseconds, so that tokens grow even where the last one was lost with the folder.
    token: int = max(last.get("token", 0) + 1, time.time_ns() // 1_000_000)
    record = {
        "token": token,
        # A copy of a machine's disk is another machine: it has started by itself.
        "ledger": last["ledger"] if last.get("boot") == boot else secrets.token_hex(8),
        "user": _login(),
        "boot": boot,
        "ends": seconds_up() + seconds,
        "pid": os.getpid() if with_process else None,
        "born": born(os.getpid()) if with_process else None,
        "space": process_space(),
    }
    write_record(path, record)
    return token


def _login() -> str:
    try:
        return getpass.getuser()
    except KeyError:  # containers run as numbers that nobody gave a name
        return str(os.getuid())


def _holder(path: Path) -> Holder | None:
    """The holder in `path`; None where there is none, its time is over, or its process or its boot is gone."""
    record = read_record(path)
    left = record.get("ends", 0.0) - seconds_up()
    if left <= 0 or record["boot"] != boot_id():
        return None
    here = record["space"] == process_space()  # the processes of another container cannot be seen
    if record["pid"] is not None and here and born(record["pid"]) != record["born"]:
        return None
    return Holder(record["token"], record["user"], record["pid"], left)
