"""Redundancy: a filter near all others can be replaced by them."""

from __future__ import annotations

import numpy as np

from edgebuild.compress.prune.groups import ChannelGroup
from edgebuild.compress.prune.importance import IMPORTANCES, Importance, Scoring
from edgebuild.compress.prune.layer_sides import OUT, sides_of


def geometric_median(scoring: Scoring) -> list[np.ndarray]:
    """Sum of the distances of a filter to all others of its layer, as a mean over the layers that make the channel.

    He et al., Filter Pruning via Geometric Median, CVPR 2019, equation 4.
    """
    return [_of_group(scoring, group) for group in scoring.trace.groups]


def _of_group(scoring: Scoring, group: ChannelGroup) -> np.ndarray:
    import torch

    scores = []
    for part in group.parts:
        if part.side != OUT or part.layer not in group.producers:
            continue
        module = scoring.trace.model.get_submodule(part.layer)
        own = next(tensor for tensor in sides_of(module)[OUT].tensors if tensor.name == "weight")
        filters = getattr(module, own.name).detach().movedim(own.dim, 0).flatten(1).double()
        distances = torch.cdist(filters, filters).sum(1).numpy()
        width = len(distances)
        mine = np.array([np.mean([distances[index % width] for index in here]) for here in part.indices])
        scores.append(mine / max(float(mine.mean()), 1e-30))
    mean: np.ndarray = np.mean(scores, axis=0)
    return mean


IMPORTANCES.register("geometric_median")(Importance("distance to the other filters of the layer", geometric_median))
