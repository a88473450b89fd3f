"""What a build made of every stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from edgebuild.errors import EdgebuildError

Status = Literal["built", "cached", "failed", "skipped", "gated"]
"""`gated`: its artifact is there, and says that nothing downstream may run. `skipped`: something upstream failed or
is gated."""


@dataclass(frozen=True)
class StageResult:
    """What became of one stage.

    Attributes:
        stage_id: id in the graph.
        status: what happened; a gated stage was built or cached, `ran` tells which.
        ran: True where the stage was made in this build.
        artifact: its folder in the store, read-only; None for failed and skipped.
        digest: of the artifact.
        key: None where it could not be told.
        seconds: how long making it took, in this build or, for a cached one, when it was made.
        causes: why it had to run; empty for a cached one.
        reason: why it is gated or skipped.
        error: why it failed.
    """

    stage_id: str
    status: Status
    ran: bool = False
    artifact: Path | None = None
    digest: str | None = None
    key: str | None = None
    seconds: float | None = None
    causes: tuple[str, ...] = ()
    reason: str | None = None
    error: EdgebuildError | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, all keys always present."""
        error = self.error
        return {
            "stage": self.stage_id,
            "status": self.status,
            "ran": self.ran,
            "digest": self.digest,
            "key": self.key,
            "seconds": self.seconds,
            "causes": list(self.causes),
            "reason": self.reason,
            "error": None if error is None else error.to_json(),
        }


@dataclass(frozen=True)
class BuildResult:
    """What became of every stage, in an order where inputs come first."""

    stages: dict[str, StageResult] = field(default_factory=dict)

    def __getitem__(self, stage_id: str) -> StageResult:
        return self.stages[stage_id]

    def artifact(self, stage_id: str) -> Path | None:
        """Folder of the stage's artifact; None where it failed, was skipped or is not in the graph."""
        result = self.stages.get(stage_id)
        return result.artifact if result is not None else None

    def errors(self) -> list[EdgebuildError]:
        """The error of every failed stage, in order, each once."""
        found = [result.error for result in self.stages.values() if result.error is not None]
        return list(dict.fromkeys(found))

    def count(self, status: Status) -> int:
        """How many stages have this status."""
        return sum(result.status == status for result in self.stages.values())
