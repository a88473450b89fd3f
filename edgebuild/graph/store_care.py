"""Looking after a store: what is in it, whether it is still right, and removing what nobody needs."""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgebuild.errors import StoreError
from edgebuild.graph.artifact import artifact_bytes
from edgebuild.graph.atomic_write import store_errors
from edgebuild.graph.file_lock import try_lock
from edgebuild.graph.records import KeyRecord, read_key_record
from edgebuild.graph.store import Store, is_intact


@dataclass(frozen=True)
class StoredArtifact:
    """One line of `cache ls`.

    Attributes:
        key: key that the artifact satisfies.
        artifact: its digest; several keys may have the same.
        stage: id of the stage that made it.
        kind: kind of that stage.
        bytes: of all its files; None where it is no longer there.
        seconds: what making it took.
        created, used: seconds since the epoch, made and last taken by a build.
        latest: True where it is what the stage made or took last.
    """

    key: str
    artifact: str
    stage: str
    kind: str
    bytes: int | None
    seconds: float
    created: float
    used: float
    latest: bool

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Damage:
    """Something in the store that is not what it should be; `stages` are those that a build will make again."""

    path: str
    problem: str
    stages: tuple[str, ...]


@dataclass(frozen=True)
class Collected:
    """What garbage collection removed and kept; `freed` and `left` in bytes of artifacts."""

    keys_removed: int
    keys_kept: int
    objects_removed: int
    objects_kept: int
    freed: int
    left: int


def list_store(store: Store) -> list[StoredArtifact]:
    """Every key of the store, by stage, the newest first."""
    latest = latest_keys(store)
    listed = []
    for record in _key_records(store):
        path = store.object_path(record.artifact)
        listed.append(
            StoredArtifact(
                key=record.key,
                artifact=record.artifact,
                stage=record.stage,
                kind=str(record.components.get("kind")),
                bytes=artifact_bytes(path) if path.is_dir() else None,
                seconds=record.seconds,
                created=record.created,
                used=store.key_path(record.key).stat().st_mtime,
                latest=record.key in latest,
            )
        )
    return sorted(listed, key=lambda item: (item.stage, -item.created, item.key))


def latest_keys(store: Store, stage_ids: Collection[str] | None = None) -> set[str]:
    """The keys that satisfied these stages (all that the store knows, for None) last."""
    if stage_ids is not None:
        records = [store.last(stage_id) for stage_id in stage_ids]
    else:
        records = [read_key_record(path) for path in sorted((store.root / "stages").glob("*.json"))]
    return {record.key for record in records if record is not None}


def verify_store(store: Store) -> list[Damage]:
    """Read every object and record again and say which are not what they should be. Changes nothing."""
    damages = []
    users: dict[str, list[str]] = {}
    for path in sorted((store.root / "keys").glob("*.json")):
        record = read_key_record(path)
        if record is None or record.key != path.stem:
            damages.append(Damage(_shown(store, path), "the record is not what was written", ()))
        else:
            users.setdefault(record.artifact, []).append(record.stage)
    damages.extend(
        Damage(f"objects/{digest}", "the artifact is missing", tuple(sorted(stages)))
        for digest, stages in sorted(users.items())
        if not store.object_path(digest).is_dir()
    )
    for path in _objects(store):
        if not is_intact(path):
            problem = "the content does not fit the digest"
            damages.append(Damage(_shown(store, path), problem, tuple(sorted(users.get(path.name, ())))))
    return damages


def collect_garbage(
    store: Store, *, keep_keys: Collection[str] | None = None, older_than: float | None = None
) -> Collected:
    """Remove keys nobody needs, artifacts that no key names, and what builds and damage left behind.

    Args:
        store: the store.
        keep_keys: keys that stay in any case; None for what each stage made or took last.
        older_than: other keys stay too if a build used them in the last so many seconds; None removes them all.

    Raises:
        StoreError: a build is using the store, or it cannot be written.
    """
    lock = try_lock(store.store_lock_path, fcntl.LOCK_EX)
    if lock is None:
        msg = f"a build is using the store {store.root}"
        raise StoreError(msg, remedy="wait until it is done, then collect again")
    kept = set(keep_keys) if keep_keys is not None else latest_keys(store)
    with lock, store_errors(store.root):
        store.sweep()
        keys_removed = _remove_keys(store, kept, older_than)
        needed = {record.artifact for record in _key_records(store)}
        freed, left, removed, stayed = 0, 0, 0, 0
        for path in _objects(store):
            size = artifact_bytes(path)
            if path.name in needed:
                left, stayed = left + size, stayed + 1
            else:
                _remove_object(store, path)
                freed, removed = freed + size, removed + 1
        for name in ("corrupt", "checkpoints"):
            shutil.rmtree(store.root / name, ignore_errors=True)
        for leftover in (store.root / "locks").glob("*.lock"):
            if leftover != store.store_lock_path:
                leftover.unlink(missing_ok=True)
    return Collected(keys_removed, len(list(_key_records(store))), removed, stayed, freed, left)


def _remove_keys(store: Store, kept: Collection[str], older_than: float | None) -> int:
    removed = 0
    for path in sorted((store.root / "keys").glob("*.json")):
        fresh = older_than is not None and time.time() - path.stat().st_mtime < older_than
        if path.stem not in kept and not fresh:
            path.unlink()
            removed += 1
    return removed


def _remove_object(store: Store, path: Path) -> None:
    """Rename first, so that a removal which is killed half-way leaves no half of an object."""
    gone = store.root / "tmp" / path.name
    path.replace(gone)
    shutil.rmtree(gone)


def _key_records(store: Store) -> list[KeyRecord]:
    records = [read_key_record(path) for path in sorted((store.root / "keys").glob("*.json"))]
    return [record for record in records if record is not None]


def _objects(store: Store) -> list[Path]:
    return sorted(path for path in (store.root / "objects").glob("*") if path.is_dir())


def _shown(store: Store, path: Path) -> str:
    return path.relative_to(store.root).as_posix()
