"""The workshop with any step run in it, as the graph would: kinds chosen, the baseline given where it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from edgebuild.compress.needs import needs_of
from edgebuild.compress.step import StepContext, StepMethod
from edgebuild.config.registries import STEPS
from edgebuild.model.checkpoint import Checkpoints
from edgebuild.progress import ProgressSink, Silent
from tests.compress.workshop import Workshop


class Classroom(Workshop):
    """One network of the zoo as a project; `train` is what its project file says of training, where not as usual."""

    train: Mapping[str, Any] = MappingProxyType({})

    def step(
        self,
        method: str,
        output: str,
        *,
        model: Path | None = None,
        seed: int = 1,
        progress: ProgressSink | None = None,
        checkpoints: Path | None = None,
        **parameters: Any,
    ) -> Path:
        """Run a step after `model` (after the baseline, where none is given); returns its model folder."""
        chosen: StepMethod = STEPS.get(method).chosen(parameters)
        table = chosen.parameters.model_validate(parameters)
        folder = self.root / output
        folder.mkdir()
        context = StepContext(
            model=model or self.baseline,
            data=self.data,
            output=folder,
            project_root=self.root,
            project={**self.project, "train": {**self.project["train"], **self.train}},
            seed=seed,
            progress=progress or Silent(),
            checkpoints=None if checkpoints is None else Checkpoints(checkpoints),
            models={"baseline": self.baseline} if needs_of(table).models else {},
        )
        chosen.run(context, table)
        return folder
