"""A plan step: one compression method, its typed parameters, what it needs and what it claims to change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

from edgebuild.config.parameters import Parameters
from edgebuild.model.checkpoint import Checkpoints
from edgebuild.progress import ProgressSink
from edgebuild.registry import Registry


class Phase(IntEnum):
    """Steps run in phases that may not go back: structure first, numbers last."""

    STRUCTURE = 1
    TRAIN = 2
    VALUES = 3
    QUANTIZE = 4


@dataclass(frozen=True)
class StepContext:
    """What a running step sees: artifact folders to read, an empty folder to fill, the seed of everything random.

    Attributes:
        model: model folder of the step before (`edgebuild.model.model_folder`).
        data: data folder (`edgebuild.model.data_folder`).
        output: empty; becomes the model folder of this step.
        project_root: folder of edgebuild.yaml, on sys.path while the step runs.
        project: those sections of the project file that the method names in `sections`, as plain JSON.
        threads: of everything that computes.
        models: name -> model folder, for those that the parameters need (`edgebuild.compress.needs`).
        checkpoints: for training, which goes on where a killed one was; None where nothing is kept.
    """

    model: Path
    data: Path
    output: Path
    project_root: Path
    project: Mapping[str, Any]
    seed: int
    progress: ProgressSink
    threads: int = 1
    models: Mapping[str, Path] = field(default_factory=dict)
    checkpoints: Checkpoints | None = None


@dataclass(frozen=True)
class StepMethod:
    """One compression method; registered in STEPS under the key it has in a plan.

    What else its result depends on is asked of its parameters (`edgebuild.compress.needs`).

    Attributes:
        title: one line for docs.
        parameters: the typed table; validated before anything runs.
        phase: a step of a lower phase may not follow one of a higher phase.
        version: raise it when the method's result changes.
        tools: distributions whose versions the result depends on.
        sections: of the project file, that the result depends on: (`data`, `train`, `metric`) for a step that trains.
        delivers: the export dtype (`int8`, `int16x8`, …) that these parameters make possible; None for a step that
            leaves numbers as they are.
        leaves_float: whether a step with these parameters leaves some layers in floating point beside integers.
        run: reads the folders of `context`, writes a model folder to `context.output`, its claims added to the record.
        kinds: other methods under the same key, each for one value of the parameter `kind`, which their tables require.
        phase_of: the phase for these parameters, where it depends on them.
        objects_to: (own parameters, name of a later step, its parameters) -> why it may not follow, None where it may.
    """

    title: str
    parameters: type[Parameters]
    phase: Phase
    version: int
    run: Callable[[StepContext, Any], None]
    tools: tuple[str, ...] = ("torch",)
    sections: tuple[str, ...] = ()
    delivers: Callable[[Any], str | None] = lambda _parameters: None
    leaves_float: Callable[[Any], bool] = lambda _parameters: False
    kinds: Registry[StepMethod] | None = None
    phase_of: Callable[[Any], Phase] | None = None
    objects_to: Callable[[Any, str, Any], str | None] = lambda _parameters, _later, _following: None

    def chosen(self, values: Mapping[str, Any]) -> StepMethod:
        """The method that parameters with these values belong to: one of `kinds`, or this one."""
        kind = str(values.get("kind"))
        return self.kinds.get(kind) if self.kinds is not None and kind in self.kinds else self

    def phase_with(self, parameters: Any) -> Phase:
        """The phase of a step with these parameters."""
        return self.phase if self.phase_of is None else self.phase_of(parameters)

    def variants(self) -> list[tuple[str, StepMethod]]:
        """This method, then those of `kinds` with their names: ("", self), ("unstructured", …)."""
        return [("", self), *([] if self.kinds is None else self.kinds.items())]
