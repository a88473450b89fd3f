"""What a channel carries: how often it is not zero."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from edgebuild.compress.prune.groups import ChannelGroup
from edgebuild.compress.prune.importance import IMPORTANCES, Importance, Scoring
from edgebuild.compress.prune.layer_sides import IN

_TIE = 1e-3
"""Weight of the magnitude, which decides between channels that are zero equally often, such as never."""


def activation(scoring: Scoring) -> list[np.ndarray]:
    """Share of samples and positions at which a channel is not zero, as its readers see it.

    One minus the average percentage of zeros (Hu et al., Network Trimming, 2016); between equals, such as channels
    that are never zero, the one of larger magnitude stays.
    """
    import torch

    model = scoring.trace.model
    layers = sorted({part.layer for group in scoring.trace.groups for part in group.parts if part.side == IN})
    active: dict[str, np.ndarray] = {}
    size: dict[str, np.ndarray] = {}
    calls: dict[str, int] = dict.fromkeys(layers, 0)

    def watch(layer: str) -> Callable[[Any, tuple[Any, ...]], None]:
        def look(module: torch.nn.Module, inputs: tuple[Any, ...]) -> None:
            values = inputs[0].detach()
            axis = values.ndim - 1 if isinstance(module, torch.nn.Linear) else 1
            others = [dim for dim in range(values.ndim) if dim != axis]
            active[layer] = active.get(layer, 0) + (values != 0).double().mean(others).numpy()
            size[layer] = size.get(layer, 0) + values.double().abs().mean(others).numpy()
            calls[layer] += 1

        return look

    handles = [model.get_submodule(layer).register_forward_pre_hook(watch(layer)) for layer in layers]
    try:
        with torch.no_grad():
            for inputs, _ in scoring.batches():
                model(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    shares = {layer: total / calls[layer] for layer, total in active.items()}
    sizes = {layer: total / max(float(total.max()), 1e-30) for layer, total in size.items()}
    scores = {layer: shares[layer] + _TIE * sizes[layer] for layer in shares}
    return [_of_group(group, scores) for group in scoring.trace.groups]


def _of_group(group: ChannelGroup, scores: dict[str, np.ndarray]) -> np.ndarray:
    """The mean over all places where a channel is read."""
    readers = [part for part in group.parts if part.side == IN and part.layer in scores]
    if not readers:
        return np.empty(0)
    rows = [[scores[part.layer][list(here)].mean() for here in part.indices] for part in readers]
    mean: np.ndarray = np.mean(rows, axis=0)
    return mean


IMPORTANCES.register("activation")(Importance("share of activations that are not zero", activation))
