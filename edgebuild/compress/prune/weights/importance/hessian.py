"""Curvature of the loss: how much it would change, to second order, if a weight were zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgebuild.compress.prune.curvature import hessian_diagonal
from edgebuild.compress.prune.weights.importance import WEIGHT_IMPORTANCES, WeightImportance, WeightScoring

if TYPE_CHECKING:
    import torch


def hessian(scoring: WeightScoring) -> dict[str, torch.Tensor]:
    """Saliency 0.5 h w^2, with h the diagonal of the Hessian.

    LeCun, Denker, Solla, Optimal Brain Damage, NIPS 1989, equation 5.
    """
    model = scoring.model
    was_training = model.training
    model.eval()
    curvature = hessian_diagonal(model, scoring.weights, scoring.batches(), scoring.loss)
    model.train(was_training)
    return {name: 0.5 * curvature[name] * weight.detach() ** 2 for name, weight in scoring.weights.items()}


WEIGHT_IMPORTANCES.register("hessian")(WeightImportance("the loss would change without it, to second order", hessian))
