"""Give the observers of a prepared graph the ranges that activations were trained with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.model.fakequant.ranges import SAMPLES, ActivationRanges, activations

if TYPE_CHECKING:
    import torch


def set_ranges(prepared: torch.fx.GraphModule, trained: ActivationRanges, samples: Mapping[str, np.ndarray]) -> int:
    """Overwrite what every observer of a known activation has seen; return how many were left as they are.

    An observer that serves several activations gets the widest of their ranges.
    """
    observed = {
        node.args[0].name: str(node.target)
        for node in prepared.graph.nodes
        if node.op == "call_module" and "activation_post_process" in str(node.target)
    }
    few = {name: array[:SAMPLES] for name, array in samples.items()}
    observers: dict[int, Any] = {}
    ranges: dict[int, list[tuple[float, float]]] = {}
    for name, values in activations(prepared, few, observed).items():
        observer: Any = prepared.get_submodule(observed[name])
        steps = trained.of(values)
        observers[id(observer)] = observer
        if steps is not None:
            ranges.setdefault(id(observer), []).append(steps.range)
    for key, found in ranges.items():
        observers[key].min_val.fill_(min(low for low, _ in found))
        observers[key].max_val.fill_(max(high for _, high in found))
    return len(observers) - len(ranges)
