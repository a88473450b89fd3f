"""The digest of files and folders outside the store, remembered by their state on disk: big data costs nothing."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from pathlib import Path

from edgebuild.errors import ConfigError, StoreError
from edgebuild.graph.atomic_write import write_text

logger = logging.getLogger(__name__)

_SETTLED_SECONDS = 2.0
"""A file younger than this may change again without its time stamp showing it, so it is not remembered yet."""


def hash_file(path: Path) -> str:
    """SHA-256 (64 hex digits) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class FileDigester:
    """Digests the content of files and folders; a file whose size, times and inode are as remembered is not read.

    A touched file is read again and has the digest it had before.
    """

    def __init__(self, memory: Path) -> None:
        """`memory` is the JSON file that remembers; it need not exist, and is written by `save`."""
        self._memory = memory
        self._known = _load(memory)
        self._changed = False
        self.files_read = 0

    def digest(self, path: Path) -> str:
        """SHA-256 of a file's bytes, or of the sorted (relative path, SHA-256) list of a folder.

        Hidden entries of a folder count, symbolic links are followed.

        Raises:
            ConfigError: there is nothing at `path`, or a part of it cannot be read.
        """
        try:
            if path.is_dir():
                return self._digest_folder(path)
            return self._digest_file(path)
        except FileNotFoundError as error:
            msg = (
                f"no file or folder {path}" if error.filename == str(path) else f"no file {error.filename} (in {path})"
            )
            raise ConfigError(msg, remedy="create it, or mend the path in the project file") from error
        except OSError as error:
            msg = f"cannot read {error.filename or path}: {error.strerror}"
            raise ConfigError(msg) from error

    def save(self) -> None:
        """Write what was learnt, for the next process; a store that cannot be written is no reason to fail."""
        if not self._changed:
            return
        try:
            write_text(self._memory, json.dumps(self._known, separators=(",", ":")), durable=False)
        except StoreError as error:
            logger.debug("file digests are not remembered: %s", error)
        self._changed = False

    def _digest_folder(self, folder: Path) -> str:
        whole = hashlib.sha256()
        for file in _files_below(folder):
            whole.update(f"{file.relative_to(folder).as_posix()}\0{self._digest_file(file)}\n".encode())
        return whole.hexdigest()

    def _digest_file(self, file: Path) -> str:
        state = _state(file)
        name = str(file.resolve())
        known = self._known.get(name)
        if known is not None and known[:-1] == state:
            return str(known[-1])
        sha256 = hash_file(file)
        self.files_read += 1
        after = _state(file)
        if after == state and time.time() - after[2] / 1e9 > _SETTLED_SECONDS:
            self._known[name] = [*state, sha256]
            self._changed = True
        return sha256


def _state(file: Path) -> list[int]:
    """Size, time of the last change of content, time of the last change of anything, inode."""
    stat = file.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def _files_below(folder: Path) -> list[Path]:
    files: list[Path] = []
    for current, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if name != "__pycache__"]
        files.extend(Path(current) / name for name in names)
    return sorted(files, key=lambda file: file.relative_to(folder).as_posix())


def _load(memory: Path) -> dict[str, list[int | str]]:
    try:
        raw = json.loads(memory.read_text())
    except (OSError, ValueError):
        return {}
    return raw if isinstance(raw, dict) else {}
