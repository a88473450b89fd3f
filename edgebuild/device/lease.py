"""Leases: who may use a device, until when; one file per device, which every process of this user sees.

A lease ends by itself: when its time is over, when the process that took it is gone, or when the machine starts anew.
Each one has a fencing token, a number that only grows. Whoever asks with a smaller one than the last that was granted
is late: something else has the device now, and the late one is told so before it touches anything.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgebuild.errors import DeviceError

POLL_SECONDS = 0.05
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


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
        with _locked(self.folder, self.address) as path:
            self._require(path)

    def renew(self, seconds: float) -> None:
        """Let it end `seconds` from now; it never ends earlier than it would have.

        Raises:
            DeviceError: the lease is over.
        """
        with _locked(self.folder, self.address) as path:
            record = self._require(path)
            ends = max(record["ends"], _now() + seconds)
            _write(path, {**record, "ends": ends})

    def release(self) -> bool:
        """Free the device; False where the lease was over already, and then nothing changes."""
        with _locked(self.folder, self.address) as path:
            holder = _holder(path)
            if holder is None or holder.token != self.token:
                return False
            _write(path, {"token": self.token})
            return True

    def _require(self, path: Path) -> dict[str, Any]:
        holder = _holder(path)
        if holder is None or holder.token != self.token:
            now = f"; {holder}" if holder else ""
            msg = f"device {self.device!r}: the lease {self.token} is over{now}"
            raise DeviceError(msg, remedy="start again, with a longer lease: ttl in the device file")
        return _read(path)


def lease_folder() -> Path:
    """Where this user's leases lie: the runtime directory of the session, else the temporary folder."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    base = Path(runtime) if runtime and Path(runtime).is_dir() else Path(tempfile.gettempdir())
    return base / f"edgebuild-leases-{os.getuid()}"


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
        DeviceError: somebody else holds it, and did not let go within `wait`.
    """
    place = folder or lease_folder()
    deadline = time.monotonic() + wait
    while True:
        with _locked(place, address or device) as path:
            holder = _holder(path)
            if holder is None:
                token = _grant(path, seconds, with_process)
                return Lease(device, address or device, token, place)
        if time.monotonic() >= deadline:
            msg = f"device {device!r} is busy: {holder}"
            raise DeviceError(msg, remedy=f"wait, use another device, or: edgebuild devices release {device}")
        time.sleep(POLL_SECONDS)


@contextmanager
def hold(
    device: str, seconds: float, folder: Path | None = None, *, address: str | None = None, wait: float = 0.0
) -> Iterator[Lease]:
    """Hold `device` alone until the block is left, for at most `seconds` without `Lease.renew`.

    Raises:
        DeviceError: as of `acquire`.
    """
    lease = acquire(device, seconds, folder, address=address, wait=wait)
    try:
        yield lease
    finally:
        lease.release()


def holder_of(address: str, folder: Path | None = None) -> Holder | None:
    """Who has what is at `address` now; None where it is free."""
    with _locked(folder or lease_folder(), address) as path:
        return _holder(path)


def _grant(path: Path, seconds: float, with_process: bool) -> int:
    # Milliseconds, so that tokens grow even where the last one was lost with the folder.
    token: int = max(_read(path).get("token", 0) + 1, time.time_ns() // 1_000_000)
    record = {
        "token": token,
        "user": getpass.getuser(),
        "boot": _boot(),
        "ends": _now() + seconds,
        "pid": os.getpid() if with_process else None,
        "born": _born(os.getpid()) if with_process else None,
    }
    _write(path, record)
    return token


def _holder(path: Path) -> Holder | None:
    """The holder in `path`; None where there is none, its time is over, or its process or its boot is gone."""
    record = _read(path)
    left = record.get("ends", 0.0) - _now()
    if left <= 0 or record["boot"] != _boot():
        return None
    if record["pid"] is not None and _born(record["pid"]) != record["born"]:
        return None
    return Holder(record["token"], record["user"], record["pid"], left)


def _now() -> float:
    """Seconds since the machine started, suspended ones included: nobody sets this clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _boot() -> str:
    return _BOOT_ID.read_text().strip()


def _born(pid: int) -> int | None:
    """When a process started, in ticks: numbers of processes are used again. None where it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def _read(path: Path) -> dict[str, Any]:
    """The record in `path`; empty where there is none, or a power cut left half of one."""
    try:
        record = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return record if isinstance(record, dict) else {}


def _write(path: Path, record: dict[str, Any]) -> None:
    """Replace the record in one step: a writer that is killed leaves the old one or the new one."""
    aside = path.with_suffix(".new")
    aside.write_text(json.dumps(record))
    aside.replace(path)


@contextmanager
def _locked(folder: Path, address: str) -> Iterator[Path]:
    """Serialize readers and writers of one lease; the lock is held for microseconds and dies with its process."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = re.sub(r"[^A-Za-z0-9._-]", "_", address)
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder / f"{name}.json"
