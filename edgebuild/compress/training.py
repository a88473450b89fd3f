"""Training inside a plan step: the project's data, loss and settings, with what the model's history asks for."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from edgebuild.compress.constraints import constraints_of
from edgebuild.compress.distil.parameters import Distil
from edgebuild.compress.finetune import FineTune, Loop
from edgebuild.compress.step import StepContext
from edgebuild.model.addition import Addition
from edgebuild.model.data_folder import read_inputs, read_targets
from edgebuild.model.model_folder import read_record
from edgebuild.model.split import Split
from edgebuild.model.train import Epoch, TrainSettings, train
from edgebuild.progress import Section

if TYPE_CHECKING:
    import torch

    from edgebuild.compress.distil.distillation import Distillation

Batch = tuple[tuple["torch.Tensor", ...], "torch.Tensor"]
"""(inputs in order, targets)"""


class Training:
    """Everything that needs the training split; it is opened when it is first asked for.

    A step that declares the sections `data` and `train` trains through `tune`, so that what holds for every training
    holds for its own.
    """

    def __init__(self, context: StepContext, loop: Loop, distil: Distil | None = None) -> None:
        """`distil` is for a table that does not have it inside, as `FineTune` does."""
        self._context, self._loop = context, loop
        self._distil = loop.distil if isinstance(loop, FineTune) else distil
        self._distillation: Distillation | None = None
        self._grid = loop.grid
        self.settings = TrainSettings.from_json({**(context.project.get("train") or {}), **loop.overrides()})
        self._split: Split | None = None

    @property
    def split(self) -> Split:
        """The training split."""
        if self._split is None:
            from edgebuild.model.data import load_training

            context = self._context
            names = read_record(context.model).input_names
            self._split = load_training(context.project["data"], context.project_root, context.seed, names)
        return self._split

    def validation(self) -> tuple[Mapping[str, np.ndarray], np.ndarray]:
        """Inputs by name and targets of the validation split."""
        return read_inputs(self._context.data, "validation"), read_targets(self._context.data)

    def to_the_end(self) -> Training:
        """The same, but it takes all epochs and ends with the last weights, not with the best ones."""
        other = copy.copy(self)
        other.settings = replace(self.settings, keep_best=False, patience=0)
        return other

    def with_loop(self, loop: Loop) -> Training:
        """Another training of the same step, by another table."""
        other = Training(self._context, loop)
        other._split = self.split
        return other

    def tune(
        self,
        model: torch.nn.Module,
        epochs: int,
        start: float = 0.0,
        end: float = 1.0,
        additions: Sequence[Addition] = (),
    ) -> list[Epoch]:
        """Train `model` in place; one row per epoch.

        It is the work of the step from `start` to `end`, in [0, 1]. `additions` are those of the step itself; what
        earlier steps demand is enforced besides, and has the last word.
        """
        if not epochs:
            return []
        context = self._context
        past = self._loop.past_epochs(context.project.get("train"), epochs)
        return train(
            model,
            self.split,
            self.validation(),
            replace(self.settings, epochs=epochs, past_epochs=past),
            context.seed,
            context.threads,
            Section(context.progress, start, end),
            context.project_root,
            additions=[*self._teaching(), *self._pulling(), *additions, *constraints_of(context.model)],
            checkpoints=context.checkpoints,
        )

    def _teaching(self) -> list[Addition]:
        """The distillation that the parameters ask for; its teachers are loaded once."""
        if self._distil is None:
            return []
        if self._distillation is None:
            from edgebuild.compress.distil.distillation import Distillation
            from edgebuild.compress.distil.teacher import load_teachers

            context = self._context
            self._distillation = Distillation(self._distil, load_teachers(context, self._distil), context.project_root)
        return [self._distillation]

    def _pulling(self) -> list[Addition]:
        """The pull to the grid of integers that the parameters ask for."""
        if self._grid is None:
            return []
        from edgebuild.compress.grid.pull import PullToGrid

        return [PullToGrid(self._grid)]

    def loss(self) -> Callable[[object, torch.Tensor], torch.Tensor]:
        """(outputs as the model returns them, targets) -> scalar."""
        from edgebuild.model.evaluate import named_outputs
        from edgebuild.model.losses import resolve_loss

        loss = resolve_loss(self.settings.loss, self.settings.label_smoothing, self._context.project_root)
        return lambda outputs, targets: loss(named_outputs(outputs), targets)

    def batches(self, samples: int) -> list[Batch]:
        """Batches of training samples drawn by the seed, at most `samples` together."""
        from edgebuild.model.losses import as_tensors

        size = min(samples, self.split.length)
        rows = np.random.default_rng(self._context.seed).permutation(self.split.length)[:size]
        batch = min(self.settings.batch_size, size)
        return [as_tensors(*self.split.stack(rows[start : start + batch])) for start in range(0, size, batch)]
