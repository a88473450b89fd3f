"""Fold batch norms into the layers before them, in float, as the runtimes do when they quantize."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgebuild.model.edits.fold_batch_norm import apply_fold_batch_norm, fold_batch_norm
from edgebuild.model.fakequant.weights import exact, folded_norm

if TYPE_CHECKING:
    import torch

    from edgebuild.model.fakequant.scheme import Scheme


def fold_norms(model: torch.nn.Module, scheme: Scheme) -> tuple[dict[str, Any], ...]:
    """Change `model` in place, with every norm that `scheme` (of its trace) folds; the edits for its record.

    The model computes the same, to rounding.
    """
    import torch

    edits: dict[str, dict[str, Any]] = {}
    for use in scheme.weights:
        if use.norm is None or use.weight in edits:
            continue
        layer: Any = model.get_submodule(use.layer)
        folded = folded_norm(model.get_submodule(str(use.norm_layer)), None, (), use.axis, exact)
        with torch.no_grad():
            weight, factor = folded.scaled(layer.weight)
            bias = folded.folded_bias(layer.bias, factor)
            edits[use.weight] = fold_batch_norm(use.layer, str(use.norm_layer), len(bias))
            apply_fold_batch_norm(model, edits[use.weight])
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
    return tuple(edits.values())
