"""Folding batch norms into the layers before them, as every format does: a scale per channel would undo a codebook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.errors import ConfigError
from edgebuild.model.edits.fold_batch_norm import apply_fold_batch_norm, fold_batch_norm

if TYPE_CHECKING:
    import torch


def fold_norms(model: torch.nn.Module, samples: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    """Fold what can be folded, in place; the edits that say so. A model without batch norms is not even traced.

    Args:
        model: is left in eval mode.
        samples: input name -> [n, ...] with n of at least 2, in the order of the model's arguments.

    Raises:
        ConfigError: the model cannot be traced, or a batch norm behind a convolution cannot be folded.
    """
    import torch

    from edgebuild.model.fakequant.scheme import scheme_of
    from edgebuild.model.fakequant.trace import trace_batches

    if not any(isinstance(module, torch.nn.modules.batchnorm._BatchNorm) for module in model.modules()):
        return []
    try:
        scheme = scheme_of(trace_batches(model, samples).graph)
    except ConfigError as error:
        msg = f"cluster: batch norms must be folded first: {error.message.removeprefix('qat: ')}"
        raise ConfigError(msg, remedy=error.remedy) from error
    edits: dict[str, dict[str, Any]] = {}
    for use in scheme.weights:
        if use.norm_layer is not None and use.layer not in edits:
            edits[use.layer] = _fold(model, use.layer, use.norm_layer, use.axis)
    return list(edits.values())


def _fold(model: torch.nn.Module, layer: str, norm: str, axis: int) -> dict[str, Any]:
    """Fold one norm: gamma / sqrt(variance + epsilon) into the weight, the rest into the bias."""
    import torch

    owner: Any = model.get_submodule(layer)
    gone: Any = model.get_submodule(norm)
    with torch.no_grad():
        factor = torch.rsqrt(gone.running_var + gone.eps)
        factor = factor if gone.weight is None else gone.weight * factor
        bias = ((0 if owner.bias is None else owner.bias) - gone.running_mean) * factor
        bias = bias if gone.bias is None else bias + gone.bias
        edit = fold_batch_norm(layer, norm, len(bias))
        apply_fold_batch_norm(model, edit)
        shape = [1] * owner.weight.dim()
        shape[axis] = -1
        owner.weight.mul_(factor.reshape(shape))
        owner.bias.copy_(bias)
    return edit
