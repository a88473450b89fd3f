"""An artifact: a folder whose name is the digest of what is in it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgebuild.errors import InternalError
from edgebuild.graph.atomic_write import sync_folder
from edgebuild.graph.canonical import digest_of
from edgebuild.graph.file_digest import hash_file


@dataclass(frozen=True)
class FileEntry:
    """One file of an artifact: path relative to the folder (forward slashes), bytes, SHA-256, executable or not."""

    path: str
    size: int
    sha256: str
    executable: bool


def read_manifest(folder: Path) -> list[FileEntry]:
    """List every file of an artifact, sorted by path. Empty folders and time stamps are not part of an artifact.

    Raises:
        InternalError: there is something that is neither a file nor a folder, such as a symbolic link.
    """
    entries = []
    for path in _walk(folder):
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            msg = f"{path.relative_to(folder)} of an artifact is not a regular file"
            raise InternalError(msg)
        executable = bool(status.st_mode & stat.S_IXUSR)
        entries.append(FileEntry(path.relative_to(folder).as_posix(), status.st_size, hash_file(path), executable))
    return sorted(entries, key=lambda entry: entry.path)


def artifact_digest(folder: Path) -> str:
    """SHA-256 over the manifest: equal for folders with the same files, wherever and whenever they were made."""
    return digest_of([[entry.path, entry.size, entry.sha256, entry.executable] for entry in read_manifest(folder)])


def artifact_bytes(folder: Path) -> int:
    """Bytes of all files of an artifact."""
    return sum(path.lstat().st_size for path in _walk(folder))


def sync_artifact(folder: Path) -> None:
    """Make every file and folder below `folder` survive a power cut.

    Raises:
        OSError: the disk is full or failing.
    """
    for current, _, names in os.walk(folder):
        for name in names:
            handle = os.open(Path(current) / name, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        sync_folder(Path(current))


def _walk(folder: Path) -> Iterator[Path]:
    for current, folders, names in os.walk(folder, onerror=_raise):
        for name in (*names, *(name for name in folders if (Path(current) / name).is_symlink())):
            yield Path(current) / name


def _raise(error: OSError) -> None:
    raise error
