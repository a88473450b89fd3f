"""A lease on a device, as a file that every process of this user sees; it ends by itself when its time is over."""

from __future__ import annotations

import fcntl
import json
import os
import re
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgebuild.errors import DeviceError


def lease_folder() -> Path:
    """Where this user's leases lie: the runtime directory of the session, else the temporary folder."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    base = Path(runtime) if runtime and Path(runtime).is_dir() else Path(tempfile.gettempdir())
    return base / f"edgebuild-leases-{os.getuid()}"


@contextmanager
def hold(device: str, seconds: float, folder: Path | None = None) -> Iterator[None]:
    """Hold `device` alone for at most `seconds`.

    The holder is not stopped when its time is over; it only loses the right to be alone. A holder whose process is gone
    loses it at once.

    Raises:
        DeviceError: somebody else holds the device.
    """
    place = folder or lease_folder()
    token = _acquire(place, device, seconds)
    try:
        yield
    finally:
        _release(place, device, token)


def _acquire(folder: Path, device: str, seconds: float) -> str:
    token = uuid.uuid4().hex
    with _locked(folder, device) as path:
        left = _seconds_left(path)
        if left > 0:
            holder = json.loads(path.read_text())["pid"]
            msg = f"device {device!r} is busy: process {holder} holds it for another {left:.0f} s"
            raise DeviceError(msg, remedy="wait, end that process, or use another device")
        record = {"pid": os.getpid(), "token": token, "expires": time.time() + seconds}
        path.write_text(json.dumps(record))
    return token


def _release(folder: Path, device: str, token: str) -> None:
    with _locked(folder, device) as path:
        if path.exists() and _read(path).get("token") == token:
            path.unlink()


def _seconds_left(path: Path) -> float:
    """How long the lease in `path` still counts; 0 where there is none, it is over, or its holder is gone."""
    if not path.exists():
        return 0.0
    record = _read(path)
    if not record or not Path(f"/proc/{record['pid']}").exists():
        return 0.0
    return max(0.0, float(record["expires"]) - time.time())


def _read(path: Path) -> dict[str, Any]:
    """The record in `path`; empty where a crash left half of one."""
    try:
        record: dict[str, Any] = json.loads(path.read_text())
    except json.JSONDecodeError:
        return {}
    return record


@contextmanager
def _locked(folder: Path, device: str) -> Iterator[Path]:
    """Serialize readers and writers of one lease; the lock is held for microseconds and dies with its process."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = re.sub(r"[^A-Za-z0-9._-]", "_", device)
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder / f"{name}.json"
