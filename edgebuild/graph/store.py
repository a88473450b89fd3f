"""The content-addressed store of a project: `.edgebuild/` beside its project file.

    version              layout of the store
    objects/<digest>/    artifacts; a folder here is complete and never changes
    keys/<key>.json      how each key was satisfied (`KeyRecord`)
    stages/<id>.json     the last KeyRecord of each stage, for `explain` and for estimating time
    tmp/                 artifacts in the making; whatever a killed build left is swept when the next one starts
    checkpoints/<key>/   what an unfinished stage can go on from; written under the key's lock, gone with its success
    locks/               one lock per key in the making, and `store.lock`: shared by builds, exclusive for cleaning
    logs/<id>.log        what the programs of a stage printed
    corrupt/             objects that were not what their name says, kept for a look
    files.json           digests of the user's files by their state on disk

An artifact is written to tmp/, synced, then renamed into objects/; its key is recorded after that. So a build that is
killed at any moment leaves at most an artifact that no key names and a folder in tmp/.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgebuild.errors import InternalError, StoreError
from edgebuild.graph.artifact import artifact_digest, sync_artifact
from edgebuild.graph.atomic_write import remedy_of, remove_abandoned, store_errors, sync_folder, write_text
from edgebuild.graph.file_digest import FileDigester
from edgebuild.graph.file_lock import FileLock, try_lock, wait_lock
from edgebuild.graph.records import KeyRecord, file_name_of, read_key_record

logger = logging.getLogger(__name__)

FOLDER = ".edgebuild"
LAYOUT = "1"

Presence = Literal["cached", "absent", "missing", "damaged"]
"""Of a key: its artifact is there; it was never made; its artifact was removed; its artifact is not what it was."""


@dataclass(frozen=True)
class Entry:
    """A cached artifact: its folder (read-only for everybody), its record."""

    path: Path
    record: KeyRecord


class Store:
    """Reads any store; `open_store` gives one that can be written."""

    def __init__(self, root: Path) -> None:
        """`root` is the `.edgebuild` folder; nothing is created."""
        self.root = root
        self._scratch: Path | None = None

    def look_up(self, key: str) -> tuple[Presence, Entry | None]:
        """Whether the artifact of `key` is there and intact (then it is returned too), without changing anything."""
        if not self.key_path(key).exists():
            return "absent", None
        record = read_key_record(self.key_path(key))
        if record is None:
            return "damaged", None
        path = self.object_path(record.artifact)
        if not path.is_dir():
            return "missing", None
        return ("cached", Entry(path, record)) if is_intact(path) else ("damaged", None)

    def find(self, key: str) -> tuple[Presence, Entry | None]:
        """Like `look_up`, for use: what is damaged is moved to corrupt/ with a warning, what is there is marked used.

        Raises:
            StoreError: something damaged cannot be moved away.
        """
        presence, entry = self.look_up(key)
        if entry is not None:
            with contextlib.suppress(OSError):  # the time of last use, for garbage collection only
                os.utime(self.key_path(key))
        elif presence == "damaged":
            record = read_key_record(self.key_path(key))
            self.quarantine(self.key_path(key) if record is None else self.object_path(record.artifact))
        return presence, entry

    def last(self, stage_id: str) -> KeyRecord | None:
        """How the stage was satisfied last time; None before its first success."""
        return read_key_record(self.stage_path(stage_id))

    def commit(self, folder: Path, record: KeyRecord, *, keep_key: bool = True) -> Entry:
        """Make `folder` (from `workspace`) the artifact of `record.key`, and fill in its digest.

        Args:
            folder: becomes the artifact; gone afterwards.
            record: how it was made.
            keep_key: False where the artifact serves this build only, and the next one must make it again.

        Raises:
            StoreError: the disk is full or cannot be written; the folder is gone, everything else is intact.
        """
        digest = artifact_digest(folder)
        target = self.object_path(digest)
        with store_errors(self.root):
            try:
                sync_artifact(folder)
                if target.exists() and not is_intact(target):
                    self.quarantine(target)
                self._move_in(folder, target)
            finally:
                self.discard(folder)
        complete = KeyRecord(**{**vars(record), "artifact": digest})
        if keep_key:
            write_text(self.key_path(record.key), complete.to_text())
        return Entry(target, complete)

    def remember(self, stage_id: str, record: KeyRecord) -> None:
        """Note that `record` is what satisfied the stage in this build; nothing is written if it was so before.

        Raises:
            StoreError: it cannot be written.
        """
        last = self.last(stage_id)
        if last is None or (last.key, last.artifact, last.sources) != (record.key, record.artifact, record.sources):
            write_text(self.stage_path(stage_id), record.to_text(), durable=False)

    def quarantine(self, path: Path) -> None:
        """Move a damaged object or record to corrupt/, so that it is made again.

        Raises:
            StoreError: it cannot be moved.
        """
        name = f"{path.name}-{time.time_ns()}"
        logger.warning("%s in the store is damaged; it is made again, and kept as corrupt/%s", path.name, name)
        with store_errors(self.root), contextlib.suppress(FileNotFoundError):
            (self.root / "corrupt").mkdir(exist_ok=True)
            path.rename(self.root / "corrupt" / name)

    @contextlib.contextmanager
    def session(self) -> Iterator[None]:
        """Use the store for a build: sweeps what killed builds left, and keeps garbage collection away meanwhile.

        Raises:
            StoreError: the store cannot be written.
        """
        lock = try_lock(self.store_lock_path, fcntl.LOCK_EX)
        if lock is not None:
            with lock:
                self.sweep()
        with wait_lock(self.store_lock_path, fcntl.LOCK_SH):
            with store_errors(self.root):
                self._scratch = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=self.root / "tmp"))
            try:
                yield
            finally:
                shutil.rmtree(self._scratch, ignore_errors=True)
                self._scratch = None

    def workspace(self) -> Path:
        """A new empty folder on the store's disk, inside a `session`.

        Raises:
            StoreError: it cannot be created.
        """
        assert self._scratch is not None, "a workspace needs a session"
        with store_errors(self.root):
            return Path(tempfile.mkdtemp(dir=self._scratch))

    def discard(self, folder: Path) -> None:
        """Remove a workspace; one that is gone already is fine."""
        shutil.rmtree(folder, ignore_errors=True)

    def sweep(self) -> None:
        """Remove what killed builds left; the caller holds the store's lock exclusively."""
        for leftover in (self.root / "tmp").glob("*"):
            shutil.rmtree(leftover, ignore_errors=True)
        for folder in (self.root, self.root / "keys", self.root / "stages"):
            remove_abandoned(folder)

    def lock(self, key: str) -> FileLock | None:
        """Take the right to make `key`; None while another build is making it."""
        return try_lock(self.root / "locks" / f"{key}.lock")

    def file_digester(self) -> FileDigester:
        """A digester of the user's files that remembers in this store."""
        return FileDigester(self.root / "files.json")

    @property
    def store_lock_path(self) -> Path:
        """The lock that builds share and cleaning takes alone."""
        return self.root / "locks" / "store.lock"

    def object_path(self, digest: str) -> Path:
        """Folder of an artifact."""
        return self.root / "objects" / digest

    def key_path(self, key: str) -> Path:
        """Record of a key."""
        return self.root / "keys" / f"{key}.json"

    def stage_path(self, stage_id: str) -> Path:
        """Record of what satisfied a stage last."""
        return self.root / "stages" / f"{file_name_of(stage_id)}.json"

    def checkpoints_path(self, key: str) -> Path:
        """Folder of what an unfinished run of a stage left; it need not be there."""
        return self.root / "checkpoints" / key

    def log_path(self, stage_id: str) -> Path:
        """Where the output of a stage's programs goes."""
        return self.root / "logs" / f"{file_name_of(stage_id)}.log"

    def _move_in(self, folder: Path, target: Path) -> None:
        folder.chmod(0o755)  # mkdtemp made it private
        try:
            folder.rename(target)
        except OSError as error:
            # Another build was faster with the same content; its copy is as good as ours.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        sync_folder(target.parent)


def open_store(project_root: Path) -> Store:
    """Open the store of a project for building, creating it where there is none.

    Raises:
        StoreError: it cannot be created or written, or another version of edgebuild made it.
    """
    root = project_root / FOLDER
    _check_layout(root)
    with store_errors(root):
        for name in ("objects", "keys", "stages", "tmp", "locks", "logs"):
            (root / name).mkdir(parents=True, exist_ok=True)
        if not os.access(root / "tmp", os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(root))
    if not (root / "version").exists():
        write_text(root / ".gitignore", "*\n")
        write_text(root / "version", f"{LAYOUT}\n")
    return Store(root)


def read_store(project_root: Path) -> Store:
    """The store of a project for looking only; it may be empty or not there.

    Raises:
        StoreError: another version of edgebuild made it.
    """
    _check_layout(project_root / FOLDER)
    return Store(project_root / FOLDER)


def _check_layout(root: Path) -> None:
    try:
        layout = (root / "version").read_text().strip()
    except FileNotFoundError:
        return
    except OSError as error:
        msg = f"cannot read the store {root}: {error.strerror}"
        raise StoreError(msg, remedy=remedy_of(error)) from error
    if layout != LAYOUT:
        msg = f"the store {root} has layout {layout!r}, this edgebuild reads {LAYOUT!r}"
        raise StoreError(msg, remedy=f"use the edgebuild that made it, or remove {root} and build again")


def is_intact(path: Path) -> bool:
    """Whether an object is still what its name says."""
    try:
        return artifact_digest(path) == path.name
    except (OSError, InternalError):  # unreadable, or something in it that no artifact has
        return False
