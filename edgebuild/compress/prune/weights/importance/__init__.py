"""How much a single weight matters: one criterion a file, registered by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgebuild.model.addition import Addition
from edgebuild.registry import Registry

if TYPE_CHECKING:
    import torch

    from edgebuild.compress.training import Batch

Choose = Callable[[Mapping[str, "torch.Tensor"], float], dict[str, "torch.Tensor"]]
"""(score of every weight by parameter, share of the whole that is due) -> masks"""


@dataclass(frozen=True)
class WeightScoring:
    """What a criterion may look at.

    Attributes:
        model: it may be run and differentiated, not changed.
        weights: parameter's dotted name -> parameter, for those that may be pruned.
        batches: gives training samples, batch by batch, the same ones every time.
        loss: (outputs of the model, targets) -> scalar.
        seed: of anything random.
    """

    model: torch.nn.Module
    weights: Mapping[str, torch.nn.Parameter]
    batches: Callable[[], list[Batch]]
    loss: Callable[[object, torch.Tensor], torch.Tensor]
    seed: int


class LearnedMasks(Addition):
    """Masks that change in the course of a training; `masks` are the last ones."""

    def __init__(
        self,
        weights: Mapping[str, torch.nn.Parameter],
        choose: Choose,
        schedule: Callable[[float], float],
    ) -> None:
        """`schedule`: share of the training -> share of the whole that is zero by then, both in [0, 1]."""
        import torch

        self._weights, self._choose, self._schedule = weights, choose, schedule
        self._updates = 0
        self.masks = choose({name: torch.zeros_like(weight) for name, weight in weights.items()}, 0.0)


@dataclass(frozen=True)
class WeightImportance:
    """One criterion: it has scores before a cut, or it learns masks in training.

    Attributes:
        title: one line, for the documentation.
        score: a score per weight, in the weight's shape; low goes first. What is zero already is not asked.
        learned: what learns the masks in training.
    """

    title: str
    score: Callable[[WeightScoring], dict[str, torch.Tensor]] | None = None
    learned: Callable[[Mapping[str, torch.nn.Parameter], Choose, Callable[[float], float]], LearnedMasks] | None = None


WEIGHT_IMPORTANCES: Registry[WeightImportance] = Registry("importance", "edgebuild.compress.prune.weights.importance")
