"""Which weights get a codebook, and giving it to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgebuild.compress.cluster.kmeans import codebook, nearest
from edgebuild.compress.cluster.parameters import Cluster
from edgebuild.compress.layer_names import named_by

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Candidates:
    """Parameters to cluster by dotted name, and layer -> why its weight is not among them."""

    weights: Mapping[str, torch.nn.Parameter]
    left_alone: Mapping[str, str]


def candidates(model: torch.nn.Module, parameters: Cluster) -> Candidates:
    """Every weight of a linear layer or convolution that has more values than a codebook.

    Raises:
        ConfigError: a pattern of `skip` matches nothing.
    """
    from torch import nn

    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    transposed = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    skipped = set(named_by(parameters.skip, [name for name, _ in model.named_modules()], "cluster.skip"))
    own = dict(model.named_parameters())
    found: dict[str, nn.Parameter] = {}
    alone: dict[str, str] = {}
    for layer, module in model.named_modules():
        if not isinstance(module, (*kinds, *transposed)):
            continue
        name = f"{layer}.weight" if layer else "weight"
        if layer in skipped:
            alone[layer] = "it is skipped"
        elif name not in own:
            alone[layer] = "its weight is computed, or is that of another layer"
        elif isinstance(module, transposed) and parameters.scope == "per_channel":
            alone[layer] = "a transposed convolution has its output channels elsewhere"
        elif distinct_values(own[name], parameters.scope) <= parameters.size():
            alone[layer] = f"it has no more than {parameters.size()} values as it is"
        else:
            found[name] = own[name]
    return Candidates(found, alone)


def share_values(weight: torch.nn.Parameter, parameters: Cluster, seed: int) -> None:
    """Replace every number of `weight` by the nearest of its codebook."""
    import torch

    values = weight.detach().cpu().numpy()
    rows = values.reshape(1, -1) if parameters.scope == "per_layer" else values.reshape(len(values), -1)
    shared = np.stack([_shared(row, parameters, seed + number) for number, row in enumerate(rows)])
    weight.data.copy_(torch.from_numpy(shared.reshape(values.shape).astype(values.dtype)))


def distinct_values(weight: torch.Tensor, scope: str) -> int:
    """Different numbers in a weight; per channel those of the channel that has most."""
    rows = weight.detach().reshape(1 if scope == "per_layer" else len(weight), -1)
    return max(len(row.unique()) for row in rows)


def _shared(row: np.ndarray, parameters: Cluster, seed: int) -> np.ndarray:
    """Numbers [n] of one codebook; zeros are an entry of their own where they are kept."""
    clustered = row != 0 if parameters.keep_zeros else np.ones(len(row), bool)
    reserved = 0 if clustered.all() else 1
    shared = np.zeros(len(row))
    if clustered.any():
        centroids = codebook(row[clustered], parameters.size() - reserved, parameters.init, seed)
        shared[clustered] = centroids[nearest(row[clustered], centroids)]
    return shared
