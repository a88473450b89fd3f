"""What a channel carries, as its readers see it: how large it is, and how often it is zero."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.compress.prune.groups import ChannelGroup
from edgebuild.compress.prune.importance import IMPORTANCES, Importance, Scoring
from edgebuild.compress.prune.layer_sides import IN

if TYPE_CHECKING:
    import torch

Statistic = Callable[["torch.Tensor"], "torch.Tensor"]
"""values of any shape -> numbers of the same shape, whose mean over samples and positions is a channel's score"""


def activation(scoring: Scoring) -> list[np.ndarray]:
    """Mean magnitude (Molchanov et al., Pruning Convolutional Neural Networks, ICLR 2017, section 2.2)."""
    return _measured(scoring, lambda values: values.abs())


def average_zeros(scoring: Scoring) -> list[np.ndarray]:
    """Share of samples and positions at which a channel is not zero: one minus the average percentage of zeros.

    Hu et al., Network Trimming, 2016. It tells channels apart only where a ReLU makes zeros.
    """
    return _measured(scoring, lambda values: values != 0)


def _measured(scoring: Scoring, statistic: Statistic) -> list[np.ndarray]:
    import torch

    model = scoring.trace.model
    layers = sorted({part.layer for group in scoring.trace.groups for part in group.parts if part.side == IN})
    totals: dict[str, np.ndarray] = {}

    def watch(layer: str) -> Callable[[torch.nn.Module, tuple[Any, ...]], None]:
        def add(module: torch.nn.Module, inputs: tuple[Any, ...]) -> None:
            numbers = statistic(inputs[0]).double()
            axis = numbers.ndim - 1 if isinstance(module, torch.nn.Linear) else 1
            others = [dim for dim in range(numbers.ndim) if dim != axis]
            totals[layer] = totals.get(layer, 0.0) + numbers.sum(others).numpy()

        return add

    handles = [model.get_submodule(layer).register_forward_pre_hook(watch(layer)) for layer in layers]
    try:
        with torch.no_grad():
            for inputs, _ in scoring.batches():
                model(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    means = {layer: total / max(float(total.mean()), 1e-30) for layer, total in totals.items()}
    return [_of_group(group, means) for group in scoring.trace.groups]


def _of_group(group: ChannelGroup, means: dict[str, np.ndarray]) -> np.ndarray:
    """The mean over all places where a channel is read."""
    readers = [part for part in group.parts if part.side == IN and part.layer in means]
    if not readers:
        return np.empty(0)
    rows = [[means[part.layer][list(here)].mean() for here in part.indices] for part in readers]
    mean: np.ndarray = np.mean(rows, axis=0)
    return mean


IMPORTANCES.register("activation")(Importance("mean magnitude of the activations", activation))
IMPORTANCES.register("average_zeros")(Importance("share of activations that are not zero", average_zeros))
