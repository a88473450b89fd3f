"""Gradient times weight: how much the loss would change, to first order, if a weight were zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgebuild.compress.prune.weights.importance import WEIGHT_IMPORTANCES, WeightImportance, WeightScoring

if TYPE_CHECKING:
    import torch


def gradient(scoring: WeightScoring) -> dict[str, torch.Tensor]:
    """The magnitude of gradient x weight, summed over batches.

    Molchanov et al., Importance Estimation for Neural Network Pruning, CVPR 2019, equation 8, weight by weight.
    """
    import torch

    model = scoring.model
    was_training = model.training
    model.eval()
    totals = {name: torch.zeros_like(weight) for name, weight in scoring.weights.items()}
    for inputs, targets in scoring.batches():
        model.zero_grad(set_to_none=True)
        scoring.loss(model(*inputs), targets).backward()
        for name, weight in scoring.weights.items():
            if weight.grad is not None:
                totals[name] += (weight.detach() * weight.grad).abs()
    model.zero_grad(set_to_none=True)
    model.train(was_training)
    return totals


WEIGHT_IMPORTANCES.register("gradient")(WeightImportance("the loss would change without it, to first order", gradient))
