"""The seam between scheduling and running: where stages run is one file here plus one registration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edgebuild.errors import EdgebuildError
from edgebuild.graph.stage import Stage
from edgebuild.registry import Registry


@dataclass(frozen=True)
class Task:
    """One stage to run.

    Attributes:
        stage: the node.
        kind_module: the module that has the code of the stage's kind and registers it; need not be edgebuild's own.
        inputs: role -> folder of the input artifact, absolute.
        output: an empty folder to fill, on the store's disk, absolute.
        project_root: folder of edgebuild.yaml.
        log: file that takes everything printed while the stage runs, absolute.
        checkpoints: `StageContext.checkpoints`, absolute.
    """

    stage: Stage
    kind_module: str
    inputs: Mapping[str, Path]
    output: Path
    project_root: Path
    log: Path
    checkpoints: Path | None = None

    @property
    def shown_log(self) -> str:
        """The log as messages name it: from the project's folder on."""
        inside = self.log.is_relative_to(self.project_root)
        return str(self.log.relative_to(self.project_root) if inside else self.log)


@dataclass(frozen=True)
class Progressed:
    """A running stage says how far it is."""

    stage_id: str
    fraction: float
    message: str


@dataclass(frozen=True)
class Succeeded:
    """A stage is done; its output folder is filled."""

    stage_id: str
    seconds: float


@dataclass(frozen=True)
class Failed:
    """A stage failed; what is in its output folder means nothing."""

    stage_id: str
    error: EdgebuildError


Event = Progressed | Succeeded | Failed


class Executor(Protocol):
    """Runs stages somewhere, up to `slots` at once."""

    slots: int

    def submit(self, task: Task) -> None:
        """Start a stage; the caller keeps the number of running stages at or below `slots`."""
        ...

    def poll(self, timeout: float) -> list[Event]:
        """What happened since the last call; waits up to `timeout` seconds for something to happen."""
        ...

    def close(self) -> None:
        """Stop everything, running stages included; nothing of them survives."""
        ...


EXECUTORS: Registry[Callable[[int], Executor]] = Registry("executor", "edgebuild.graph.executors")
"""name -> function that takes the number of jobs and returns an `Executor`"""
