"""Writing into the store so that a reader sees the old file or the new one, and a full disk is a clear error."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from edgebuild.errors import StoreError
from edgebuild.output_file import PART, replace_file

_REMEDIES = {
    errno.ENOSPC: "free some space (`edgebuild cache gc` drops what no build needs any more) and build again",
    errno.EDQUOT: "free some space (`edgebuild cache gc` drops what no build needs any more) and build again",
    errno.EEXIST: "something else has that name: move it away",
    errno.ENOTDIR: "a file is where a folder should be: move it away",
    errno.EROFS: "move the project to a disk that can be written",
    errno.EACCES: "give yourself the right to write there, or copy the project elsewhere",
    errno.EPERM: "give yourself the right to write there, or copy the project elsewhere",
}
_WORDS = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "your disk quota is used up"}


def store_error(error: OSError, path: Path) -> StoreError:
    """What a failed write to the store at `path` means for a user."""
    words = _WORDS.get(error.errno or 0, error.strerror or str(error))
    msg = f"cannot write to the store {path}: {words}; everything built before is intact"
    return StoreError(msg, remedy=remedy_of(error))


def remedy_of(error: OSError) -> str | None:
    """What a user can do about an error of the file system; None where nobody knows."""
    return _REMEDIES.get(error.errno or 0)


@contextlib.contextmanager
def store_errors(path: Path) -> Iterator[None]:
    """Turn an OSError inside the block into a StoreError that names `path`."""
    try:
        yield
    except OSError as error:
        raise store_error(error, path) from error


def write_text(path: Path, text: str, *, durable: bool = True) -> None:
    """Replace `path` by a file with this text, all or nothing; `durable` also survives a power cut.

    Raises:
        StoreError: the disk is full or the folder cannot be written; the old file is still there.
    """
    with store_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, text.encode(), durable=durable)
        if durable:
            sync_folder(path.parent)


def remove_abandoned(folder: Path) -> None:
    """Remove the temporary files of `write_text` whose process is gone; a living one is about to rename its own."""
    for part in folder.glob(f".*-*-*{PART}"):
        if not _is_alive(int(part.name.split("-")[-2])):
            part.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def sync_folder(folder: Path) -> None:
    """Make the entries of a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
