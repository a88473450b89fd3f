"""Who watches a build: told of every event, from the thread that called `execute`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from edgebuild.graph.result import BuildResult, StageResult
from edgebuild.graph.stage import Stage


class Observer(Protocol):
    """Receives the events of one build."""

    def build_started(self, stages: Sequence[Stage]) -> None:
        """The stages of the build, inputs first."""
        ...

    def stage_started(self, stage: Stage, causes: Sequence[str]) -> None:
        """The stage runs now; `causes` says why it is not cached."""
        ...

    def stage_waiting(self, stage: Stage, reason: str) -> None:
        """The stage could run but has to wait, for another build that makes the same."""
        ...

    def stage_progress(self, stage: Stage, fraction: float, message: str) -> None:
        """`fraction` of the stage is done, in [0, 1]."""
        ...

    def stage_finished(self, result: StageResult) -> None:
        """The stage is settled, whatever its status."""
        ...

    def time_left(self, seconds: float | None) -> None:
        """An estimate for the whole build; None where nothing is known to base it on."""
        ...

    def build_finished(self, result: BuildResult) -> None:
        """Every stage is settled."""
        ...

    def build_interrupted(self, done: int, left: int) -> None:
        """The user stopped the build; `done` stages are settled and kept, `left` are not."""
        ...


class Unobserved:
    """Watches nothing."""

    def build_started(self, stages: Sequence[Stage]) -> None:
        """Do nothing."""

    def stage_started(self, stage: Stage, causes: Sequence[str]) -> None:
        """Do nothing."""

    def stage_waiting(self, stage: Stage, reason: str) -> None:
        """Do nothing."""

    def stage_progress(self, stage: Stage, fraction: float, message: str) -> None:
        """Do nothing."""

    def stage_finished(self, result: StageResult) -> None:
        """Do nothing."""

    def time_left(self, seconds: float | None) -> None:
        """Do nothing."""

    def build_finished(self, result: BuildResult) -> None:
        """Do nothing."""

    def build_interrupted(self, done: int, left: int) -> None:
        """Do nothing."""
