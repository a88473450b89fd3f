"""End of training in rounded numbers: the weights stay on their steps, the folded batch norms go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgebuild.model.edits.fold_batch_norm import apply_fold_batch_norm, fold_batch_norm
from edgebuild.model.fakequant.instrument import Instrumented, Rounding
from edgebuild.model.fakequant.steps import Steps

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Settled:
    """What training in rounded numbers came to.

    Attributes:
        edits: of the batch norms that are gone from the model.
        steps: label of a group -> its steps.
        weights: dotted name of a layer -> its rounded weight, as it now is in the model; not of layers that stay in
            floating point.
    """

    edits: tuple[dict[str, Any], ...]
    steps: dict[str, Steps]
    weights: dict[str, torch.Tensor]


def settle(instrumented: Instrumented, rounding: Rounding) -> Settled:
    """Undo the instrumentation of a trained model: it computes in float again, with weights that are on their steps."""
    import torch

    model, scheme = instrumented.model, instrumented.scheme
    steps = dict(zip(scheme.labels(), instrumented.steps(), strict=True))
    edits: list[dict[str, Any]] = []
    weights: dict[str, torch.Tensor] = {}
    instrumented.remove()
    with torch.no_grad():
        for use in scheme.weights:
            if use.weight in weights:
                continue  # called several times: rounded once
            weight = weights[use.weight] = model.get_parameter(use.weight).detach()
            folded = instrumented.folded.get(use.node)
            if folded is None:
                weight.copy_(rounding.of(use)(weight))
                continue
            layer: Any = model.get_submodule(use.layer)
            scaled, factor = folded.scaled(weight)
            bias = folded.folded_bias(layer.bias, factor)
            edit = fold_batch_norm(use.layer, str(use.norm_layer), len(bias))
            apply_fold_batch_norm(model, edit)
            weight.copy_(folded.rounding(scaled))
            layer.bias.copy_(bias)
            edits.append(edit)
    rounded = {use.weight: use.layer for use in scheme.weights if not use.exact}
    return Settled(tuple(edits), steps, {layer: weights[name] for name, layer in rounded.items()})
