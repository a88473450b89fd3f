"""Taylor expansion of the loss: how much it would change, to first order, if a channel were not there."""

from __future__ import annotations

import numpy as np

from edgebuild.compress.prune.groups import ChannelGroup
from edgebuild.compress.prune.importance import IMPORTANCES, Importance, Scoring
from edgebuild.compress.prune.layer_sides import IN, sides_of


def taylor(scoring: Scoring) -> list[np.ndarray]:
    """First-order change of the loss, its magnitude summed over batches.

    Molchanov et al., Pruning Convolutional Neural Networks for Resource Efficient Inference, ICLR 2017, equation 6.
    A channel that goes is one that nobody reads any more, so the change is that of setting to zero the weights that
    read it, in all of its readers at once: the sum of gradient x weight over them. (torch-pruning's own adds up the
    magnitudes weight by weight, over one gradient of all samples, in which changes cancel.)
    """
    model = scoring.trace.model
    totals = [np.zeros(group.size) for group in scoring.trace.groups]
    for inputs, targets in scoring.batches():
        model.zero_grad(set_to_none=True)
        scoring.loss(model(*inputs), targets).backward()
        for total, group in zip(totals, scoring.trace.groups, strict=True):
            total += np.abs(_change(scoring, group))
    model.zero_grad(set_to_none=True)
    return totals


def _change(scoring: Scoring, group: ChannelGroup) -> np.ndarray:
    """First-order change of the loss for each channel [size]."""
    change = np.zeros(group.size)
    for part in group.parts:
        if part.side != IN:
            continue
        module = scoring.trace.model.get_submodule(part.layer)
        (own,) = sides_of(module)[IN].tensors
        weight = getattr(module, own.name)
        if weight.grad is None:
            continue
        others = [dim for dim in range(weight.ndim) if dim != own.dim]
        products = (weight * weight.grad).detach().sum(others).numpy()
        width = weight.shape[own.dim]
        for channel, indices in enumerate(part.indices):
            here = {index % width for index in indices} if own.within_group else indices
            change[channel] += products[list(here)].sum()
    return change


IMPORTANCES.register("taylor")(Importance("first-order change of the loss", taylor))
