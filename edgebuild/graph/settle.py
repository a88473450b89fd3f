"""How a stage's result is put together once it is clear what became of it."""

from __future__ import annotations

import logging

from edgebuild.errors import ConfigError, EdgebuildError
from edgebuild.graph.causes import find_causes
from edgebuild.graph.key import KeyMaker, StageKey
from edgebuild.graph.result import StageResult
from edgebuild.graph.stage import Stage, StageKind
from edgebuild.graph.store import Entry

logger = logging.getLogger(__name__)


def from_entry(stage: Stage, kind: StageKind, entry: Entry, *, causes: tuple[str, ...], ran: bool) -> StageResult:
    """The result of a stage whose artifact is in the store; the artifact may say that nothing downstream may run.

    Raises:
        EdgebuildError: the kind's gate cannot read the artifact.
    """
    reason = kind.gate(entry.path)
    return StageResult(
        stage_id=stage.id,
        status="gated" if reason is not None else "built" if ran else "cached",
        ran=ran,
        artifact=entry.path,
        digest=entry.record.artifact,
        key=entry.record.key,
        seconds=entry.record.seconds,
        causes=causes,
        reason=reason,
    )


def failure(stage: Stage, error: EdgebuildError, key: str | None = None, causes: tuple[str, ...] = ()) -> StageResult:
    """The result of a stage that failed; `key` is None where not even its key could be told."""
    return StageResult(stage.id, "failed", key=key, causes=causes, error=error)


def skipped(stage: Stage, blocker: StageResult) -> StageResult:
    """The result of a stage that cannot run because of an input that failed, was skipped or is gated."""
    if blocker.status == "skipped":
        reason = blocker.reason
    elif blocker.status == "gated":
        reason = f"{blocker.stage_id}: {blocker.reason}"
    else:
        reason = f"{blocker.stage_id} failed"
    return StageResult(stage.id, "skipped", reason=reason)


def changed_meanwhile(stage: Stage, kind: StageKind, key: StageKey, keys: KeyMaker) -> bool:
    """Whether the user's code or files are no longer those of the key: then nobody knows which of them the stage saw.

    `keys` must be a new maker, one that reads the code again.
    """
    if not stage.code and not stage.files:
        return False
    try:
        changes = find_causes(key.components, keys.own_components(stage, kind))
    except ConfigError as error:
        changes = [error.message]
    if changes:
        logger.warning("%s: %s while it ran; the next build makes it again", stage.id, "; ".join(changes))
    return bool(changes)
