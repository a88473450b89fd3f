"""Sizes of weights: of everything that would go, or of the scale of batch normalisation.

torch-pruning has these too, but its own fail on layers side by side (an index out of bounds in a group that begins
with one of several branches), so they are computed here from the groups.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from edgebuild.compress.prune.coupled import is_scale, is_weight
from edgebuild.compress.prune.groups import Part
from edgebuild.compress.prune.importance import IMPORTANCES, Importance, Scoring
from edgebuild.compress.prune.layer_sides import sides_of

if TYPE_CHECKING:
    import torch


def l1(scoring: Scoring) -> list[np.ndarray]:
    """Sum of absolute weights (Li et al., Pruning Filters for Efficient ConvNets, ICLR 2017).

    The mean over all layers that are coupled (Fang et al., DepGraph, CVPR 2023, section 3.3).
    """
    return _mean_over_layers(scoring, is_weight, lambda weight: weight.abs())


def l2(scoring: Scoring) -> list[np.ndarray]:
    """Sum of squared weights (He et al., Soft Filter Pruning, IJCAI 2018), over coupled layers as for `l1`."""
    return _mean_over_layers(scoring, is_weight, lambda weight: weight**2)


def batch_norm(scoring: Scoring) -> list[np.ndarray]:
    """Scale of the batch normalisation (Liu et al., Network Slimming, ICCV 2017); nothing where there is none."""
    return _mean_over_layers(scoring, is_scale, lambda scale: scale.abs())


def _mean_over_layers(
    scoring: Scoring, counts: Callable[[torch.nn.Module], bool], size: Callable[[torch.Tensor], torch.Tensor]
) -> list[np.ndarray]:
    """For each channel of each group: the sum over its numbers in one layer, as a mean over the layers that count."""
    model = scoring.trace.model
    scores = []
    for group in scoring.trace.groups:
        parts = [part for part in group.parts if not part.tensor and counts(model.get_submodule(part.layer))]
        rows = [_sums(model.get_submodule(part.layer), part, size) for part in parts]
        scores.append(np.mean(rows, axis=0) if rows else np.empty(0))
    return scores


def _sums(layer: torch.nn.Module, part: Part, size: Callable[[torch.Tensor], torch.Tensor]) -> np.ndarray:
    own = next(tensor for tensor in sides_of(layer)[part.side].tensors if tensor.name == "weight")
    weight = getattr(layer, own.name).detach().double()
    others = [dim for dim in range(weight.ndim) if dim != own.dim]
    sums = (size(weight).sum(others) if others else size(weight)).numpy()
    width = len(sums)
    return np.array([sums[sorted({index % width for index in here})].sum() for here in part.indices])


IMPORTANCES.register("l1")(Importance("sum of absolute weights", l1))
IMPORTANCES.register("l2")(Importance("sum of squared weights", l2))
IMPORTANCES.register("batch_norm")(Importance("scale of the batch normalisation", batch_norm))
