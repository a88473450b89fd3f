"""Movement: whether training moved a weight away from zero or towards it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from edgebuild.compress.prune.weights.importance import WEIGHT_IMPORTANCES, WeightImportance, WeightScoring
from edgebuild.model.addition import Addition

if TYPE_CHECKING:
    import torch


class Movement(Addition):
    """Adds up -gradient x weight over the steps of a training; it changes nothing."""

    def __init__(self, weights: Mapping[str, torch.nn.Parameter], totals: dict[str, torch.Tensor]) -> None:
        self._weights, self._totals = weights, totals

    def after_backward(self, model: torch.nn.Module, done: float) -> None:
        """See the gradient of every weight."""
        for name, weight in self._weights.items():
            if weight.grad is not None:
                self._totals[name] -= weight.detach() * weight.grad

    def state(self) -> dict[str, torch.Tensor]:
        """The totals so far."""
        return dict(self._totals)

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on from these totals."""
        for name, total in state.items():
            self._totals[name].copy_(total)


def watch(weights: Mapping[str, torch.nn.Parameter]) -> tuple[Addition, dict[str, torch.Tensor]]:
    """What sees the training, and the totals it fills."""
    import torch

    totals = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    return Movement(weights, totals), totals


def movement(scoring: WeightScoring) -> dict[str, torch.Tensor]:
    """The totals of the training before the cut.

    Sanh, Wolf, Rush, Movement Pruning, NeurIPS 2020, section 4: a weight stays that moves away from zero. Theirs learns
    the scores with the masks in one training, in which what was zero may come back; here they are taken between cuts,
    and what is zero stays so.
    """
    assert scoring.watched is not None, "the procedure watches training for a criterion that asks for it"
    return dict(scoring.watched)


WEIGHT_IMPORTANCES.register("movement")(WeightImportance("training moves it away from zero", movement, watch))
