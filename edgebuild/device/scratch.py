"""Folders for files in between, which go also when whoever made them was killed.

A folder is locked as long as its owner lives: the kernel ends the lock with the process, in whatever container that is.
Each process that needs a folder first removes those that nobody has locked.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

PREFIX = "edgebuild-scratch-"


class Scratch:
    """A new empty folder of one owner.

    Attributes:
        path: of the folder, without links on the way.
    """

    def __init__(self, kind: str) -> None:
        """`kind` says in the folder's name what it is for."""
        place = Path(tempfile.gettempdir()).resolve()
        sweep(place)
        self.path, self._lock = _locked_folder(place, kind)

    def close(self) -> None:
        """Remove it; a second time does nothing."""
        if self._lock is not None:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = None


@contextmanager
def scratch_folder(kind: str) -> Iterator[Path]:
    """A new empty folder until the block is left; `kind` says in its name what it is for."""
    scratch = Scratch(kind)
    try:
        yield scratch.path
    finally:
        scratch.close()


@cache
def sweep(place: Path) -> None:
    """Remove the folders in `place` whose owners are gone: once in the life of a process."""
    for folder in place.glob(f"{PREFIX}*"):
        with suppress(OSError):  # it is not ours, it has an owner, or it is gone already
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(handle).st_uid == os.getuid():
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(handle)


def _locked_folder(place: Path, kind: str) -> tuple[Path, int | None]:
    """A new folder and what keeps it locked; somebody may sweep it before it is, and then there is another."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{kind}-", dir=place))
        try:
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        with suppress(OSError):  # a file system without locks: nobody can sweep there either
            fcntl.flock(handle, fcntl.LOCK_EX)
        if path.is_dir():
            return path, handle
        os.close(handle)
