"""Locks between processes that vanish with the process that holds them."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from edgebuild.graph.atomic_write import store_errors


class FileLock:
    """An advisory lock on a file; the kernel frees it when its holder dies, however it dies."""

    def __init__(self, path: Path, handle: int) -> None:
        """Use `try_lock` or `wait_lock`."""
        self.path = path
        self._handle: int | None = handle

    def release(self) -> None:
        """Free the lock; doing it twice is fine."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def __enter__(self) -> FileLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def try_lock(path: Path, mode: int = fcntl.LOCK_EX) -> FileLock | None:
    """Take the lock at `path` now, or return None where someone else has it.

    Raises:
        StoreError: the lock file cannot be created.
    """
    return _lock(path, mode | fcntl.LOCK_NB)


def wait_lock(path: Path, mode: int = fcntl.LOCK_EX) -> FileLock:
    """Take the lock at `path`, waiting for whoever has it.

    Raises:
        StoreError: the lock file cannot be created.
    """
    lock = _lock(path, mode)
    assert lock is not None, "a blocking lock always comes"
    return lock


def _lock(path: Path, mode: int) -> FileLock | None:
    with store_errors(path.parent):
        while True:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(handle, mode)
            except BlockingIOError:
                os.close(handle)
                return None
            except BaseException:  # also Ctrl-C while waiting
                os.close(handle)
                raise
            if _still_there(path, handle):
                return FileLock(path, handle)
            os.close(handle)


def _still_there(path: Path, handle: int) -> bool:
    """Whether the file that was locked is still the one at `path`: garbage collection may have removed it meanwhile."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(handle))
    return False
