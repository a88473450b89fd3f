"""Criteria that come with torch-pruning: norms of weights, and the scale of batch normalisation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from edgebuild.compress.prune.groups import ChannelGroup
from edgebuild.compress.prune.importance import IMPORTANCES, Importance, Scoring
from edgebuild.compress.prune.layer_sides import OUT


def l1(scoring: Scoring) -> list[np.ndarray]:
    """Sum of absolute weights (Li et al., Pruning Filters for Efficient ConvNets, ICLR 2017), over all layers coupled.

    The mean over the layers of a group (DepGraph, section 3.3).
    """
    return _by_library(scoring, lambda module: module.MagnitudeImportance(p=1))


def l2(scoring: Scoring) -> list[np.ndarray]:
    """Sum of squared weights over all layers coupled (He et al., Soft Filter Pruning, IJCAI 2018; DepGraph)."""
    return _by_library(scoring, lambda module: module.MagnitudeImportance(p=2))


def batch_norm(scoring: Scoring) -> list[np.ndarray]:
    """Scale of the batch normalisation (Liu et al., Network Slimming, ICCV 2017); groups without one have no score."""
    return _by_library(scoring, lambda module: module.BNScaleImportance())


def _by_library(scoring: Scoring, make: Callable[[Any], Any]) -> list[np.ndarray]:
    from torch_pruning.pruner import importance

    criterion = make(importance)
    names = {module: name for name, module in scoring.trace.model.named_modules()}
    by_channel: dict[tuple[str, int], float] = {}
    for found in scoring.trace.library_groups:
        scores = criterion(found)
        if scores is not None:
            root = names[found[0].dep.target.module]
            by_channel.update({(root, index): float(score) for index, score in enumerate(scores)})
    return [_of_group(group, by_channel) for group in scoring.trace.groups]


def _of_group(group: ChannelGroup, by_channel: dict[tuple[str, int], float]) -> np.ndarray:
    """The mean over a channel's indices in those layers from which the library scored it."""
    rooted = [part for part in group.parts if part.side == OUT and (part.layer, part.indices[0][0]) in by_channel]
    if not rooted:
        return np.empty(0)
    return np.array(
        [
            np.mean([by_channel[part.layer, index] for part in rooted for index in part.indices[channel]])
            for channel in range(group.size)
        ]
    )


IMPORTANCES.register("l1")(Importance("sum of absolute weights", l1))
IMPORTANCES.register("l2")(Importance("sum of squared weights", l2))
IMPORTANCES.register("batch_norm")(Importance("scale of the batch normalisation", batch_norm))
