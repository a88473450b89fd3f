"""Curvature of the loss: how much it would change, to second order, if the weights that read a channel were zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgebuild.compress.prune.curvature import hessian_diagonal
from edgebuild.compress.prune.groups import ChannelGroup
from edgebuild.compress.prune.importance import IMPORTANCES, Importance, Scoring
from edgebuild.compress.prune.layer_sides import IN, sides_of

if TYPE_CHECKING:
    import torch


def hessian(scoring: Scoring) -> list[np.ndarray]:
    """Saliency 0.5 h w^2, with h the diagonal of the Hessian, summed over all weights that read the channel.

    LeCun, Denker, Solla, Optimal Brain Damage, NIPS 1989, equation 5, for channels: one that goes is one that nobody
    reads any more.
    """
    model = scoring.trace.model
    layers = sorted({part.layer for group in scoring.trace.groups for part in group.parts if part.side == IN})
    weights = {layer: _reading(model, layer) for layer in layers}
    curvature = hessian_diagonal(model, weights, scoring.batches(), scoring.loss)
    saliency = {layer: 0.5 * curvature[layer] * weight.detach() ** 2 for layer, weight in weights.items()}
    return [_of_group(scoring, group, saliency) for group in scoring.trace.groups]


def _reading(model: torch.nn.Module, layer: str) -> torch.nn.Parameter:
    module = model.get_submodule(layer)
    (own,) = sides_of(module)[IN].tensors
    weight: torch.nn.Parameter = getattr(module, own.name)
    return weight


def _of_group(scoring: Scoring, group: ChannelGroup, saliency: dict[str, torch.Tensor]) -> np.ndarray:
    """The saliency of each channel [size]."""
    total = np.zeros(group.size)
    for part in group.parts:
        if part.side != IN:
            continue
        (own,) = sides_of(scoring.trace.model.get_submodule(part.layer))[IN].tensors
        values = saliency[part.layer].double()
        sums = values.sum([dim for dim in range(values.ndim) if dim != own.dim]).numpy()
        for channel, indices in enumerate(part.indices):
            here = {index % len(sums) for index in indices} if own.within_group else indices
            total[channel] += sums[list(here)].sum()
    return total


IMPORTANCES.register("hessian")(Importance("second-order change of the loss", hessian))
