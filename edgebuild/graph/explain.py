"""Why a stage would run: what it depends on, compared with what it depended on when it last succeeded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgebuild.config.registries import STAGES
from edgebuild.graph.causes import find_causes
from edgebuild.graph.graph import Graph
from edgebuild.graph.key import KeyMaker, StageKey
from edgebuild.graph.records import KeyRecord
from edgebuild.graph.result import StageResult
from edgebuild.graph.stage import Stage, StageKind
from edgebuild.graph.store import Presence, Store


@dataclass(frozen=True)
class StageExplanation:
    """What a build would do with one stage, and why.

    Attributes:
        stage_id: id in the graph.
        kind: name of its kind.
        target: the target it belongs to; None for those shared by all.
        cached: True where a build would take its artifact from the store.
        key: None where it cannot be told before an input is rebuilt.
        artifact: digest of the cached artifact.
        causes: why it would run, one line each; empty for a cached one.
        seconds: what it took when it was last made; None where it never was.
        blocked: why it would not run at all: a stage that it needs is gated.
    """

    stage_id: str
    kind: str
    target: str | None
    cached: bool
    key: str | None
    artifact: str | None
    causes: tuple[str, ...]
    seconds: float | None
    blocked: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, all keys always present."""
        return asdict(self)


def explain(graph: Graph, store: Store, project_root: Path) -> list[StageExplanation]:
    """Say for every stage, inputs first, whether it is cached and if not, what changed. Changes nothing.

    Raises:
        ConfigError: user code or a file that a stage depends on is missing.
    """
    files = store.file_digester()
    keys = KeyMaker(project_root.resolve(), files)
    explained: dict[str, StageExplanation] = {}
    gates: dict[str, str] = {}
    for stage in graph:
        explained[stage.id] = _explain_stage(stage, store, keys, explained, gates)
    files.save()
    return list(explained.values())


def run_causes(
    stage: Stage, key: StageKey, presence: Presence, last: KeyRecord | None, results: Mapping[str, StageResult]
) -> list[str]:
    """Why a stage has to run whose inputs are all there.

    Args:
        stage: the stage.
        key: its key now.
        presence: what the store has for that key.
        last: how the stage was satisfied last.
        results: what became of its inputs in this build.
    """

    def why_input(role: str) -> str | None:
        source = results.get(stage.inputs.get(role, ""))
        if source is None or not source.causes:
            return _other_source(stage, role, last)
        return "; ".join(source.causes)

    if last is None or last.key == key.key or presence in ("missing", "damaged"):
        return [_absence(presence, last, key.key)]
    return find_causes(last.components, key.components, why_input)


def _explain_stage(
    stage: Stage,
    store: Store,
    keys: KeyMaker,
    explained: Mapping[str, StageExplanation],
    gates: dict[str, str],
) -> StageExplanation:
    kind: StageKind = STAGES.get(stage.kind)
    sources = {role: explained[source] for role, source in stage.inputs.items()}
    blocked = next((reason for source in stage.inputs.values() if (reason := gates.get(source)) is not None), None)
    last = store.last(stage.id)
    digests = {role: source.artifact for role, source in sources.items() if source.artifact is not None}
    seconds = last.seconds if last is not None else None
    if len(digests) < len(sources):
        causes = _pending_causes(stage, keys, kind, last, sources)
        if blocked is not None:
            gates[stage.id] = blocked
        return StageExplanation(stage.id, stage.kind, stage.target, False, None, None, causes, seconds, blocked)
    key = keys.make(stage, kind, digests)
    presence, entry = store.look_up(key.key)
    if entry is None:
        found = run_causes(stage, key, presence, last, {})
        if blocked is not None:
            gates[stage.id] = blocked
        return StageExplanation(
            stage.id, stage.kind, stage.target, False, key.key, None, tuple(found), seconds, blocked
        )
    reason = f"{stage.id}: {text}" if (text := kind.gate(entry.path)) is not None else blocked
    if reason is not None:
        gates[stage.id] = reason
    return StageExplanation(
        stage.id, stage.kind, stage.target, True, key.key, entry.record.artifact, (), entry.record.seconds, blocked
    )


def _pending_causes(
    stage: Stage,
    keys: KeyMaker,
    kind: StageKind,
    last: KeyRecord | None,
    sources: Mapping[str, StageExplanation],
) -> tuple[str, ...]:
    """Causes of a stage with an input that is not made yet, so that its key cannot be told."""
    if last is None:
        return ("it was never built",)
    rebuilt = [
        f"its input {role} will be rebuilt ({source.stage_id})" for role, source in sources.items() if not source.cached
    ]
    return (*find_causes(last.components, keys.own_components(stage, kind)), *rebuilt)


def _absence(presence: Presence, last: KeyRecord | None, key: str) -> str:
    if presence == "damaged":
        return "its artifact in the store is damaged"
    if presence == "missing" or (last is not None and last.key == key):
        return "its artifact is no longer in the store"
    return "it was never built"


def _other_source(stage: Stage, role: str, last: KeyRecord | None) -> str | None:
    """The reason for another input artifact where that stage did not run now: it comes from elsewhere."""
    before, now = (last.sources.get(role) if last is not None else None), stage.inputs.get(role)
    if before is not None and now is not None and before != now:
        return f"it comes from {now} instead of {before}"
    return f"{now} was built since" if now is not None else None
