"""How leases are kept: one record per address in a folder of this machine, read and written under a lock.

A record is JSON: `token` and `ledger` always, and while somebody has the device `user`, `boot`, `ends`, `pid`, `born`
and `space`. Tokens of one ledger only grow; a record that is made anew begins another one.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from edgebuild.errors import ToolError

VARIABLE = "EDGEBUILD_LEASES"
"""Names another folder."""
_PLACE = Path("/var/tmp")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_WORDS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "your disk quota is used up",
    errno.EEXIST: "it is no folder",
    errno.ENOTDIR: "a file is where a folder should be",
}


def lease_folder() -> Path:
    """Where this user's leases lie: one place for all jobs of a machine, whatever TMPDIR and XDG_RUNTIME_DIR are."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else _PLACE / f"edgebuild-leases-{os.getuid()}"


@contextmanager
def locked(folder: Path, address: str) -> Iterator[Path]:
    """Serialize readers and writers of one record; the lock is held for microseconds and dies with its process.

    Raises:
        ToolError: the folder cannot be used, also where the block finds out.
    """
    name = re.sub(r"[^A-Za-z0-9._-]", "_", address)
    with _errors_of(folder), open_lock(folder, name) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder / f"{name}.json"


def open_lock(folder: Path, name: str) -> IO[str]:
    """A file to lock, in the folder of leases, which is made if it is not there.

    Raises:
        ToolError: the folder cannot be used.
    """
    with _errors_of(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _require_own(folder)
        return (folder / f"{name}.lock").open("w")


@contextmanager
def _errors_of(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = _WORDS.get(error.errno or 0, error.strerror or str(error))
        msg = f"cannot keep leases in {folder}: {why}"
        raise ToolError(
            msg, remedy=f"make room or way there, or name another folder, one for all jobs here: {VARIABLE}"
        ) from None


def read_record(path: Path) -> dict[str, Any]:
    """The record in `path`; empty where there is none, or a power cut left half of one."""
    try:
        record = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return record if isinstance(record, dict) else {}


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Replace the record in one step: a writer that is killed leaves the old one or the new one."""
    aside = path.with_suffix(".new")
    try:
        aside.write_text(json.dumps(record, allow_nan=False))
        aside.replace(path)
    except OSError:
        with suppress(OSError):
            aside.unlink()
        raise


def seconds_up() -> float:
    """Seconds since the machine started, suspended ones included: nobody sets this clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """Of this start of the machine."""
    return _BOOT_ID.read_text().strip()


def process_space() -> str:
    """What the numbers of processes belong to: containers have their own."""
    return os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - it points nowhere, it is only a text


def born(pid: int) -> int | None:
    """When a process started, in ticks: numbers of processes are used again. None where it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def _require_own(folder: Path) -> None:
    """In a folder of everybody's, somebody else may have made ours before us."""
    found = folder.lstat()
    if folder.parent == _PLACE and (found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode)):
        raise PermissionError(errno.EPERM, f"it is no folder of user {os.getuid()}")
