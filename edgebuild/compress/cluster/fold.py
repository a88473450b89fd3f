"""Folding batch norms into the layers before them, as every format does: a scale per channel would undo a codebook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.errors import ConfigError

if TYPE_CHECKING:
    import torch


def fold_all_norms(model: torch.nn.Module, samples: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    """Fold what can be folded, in place; the edits that say so. A model without batch norms is not even traced.

    Args:
        model: is left in eval mode.
        samples: input name -> [n, ...] with n of at least 2, in the order of the model's arguments.

    Raises:
        ConfigError: the model cannot be traced, or a batch norm behind a convolution cannot be folded.
    """
    import torch

    from edgebuild.model.fakequant.fold import fold_norms
    from edgebuild.model.fakequant.scheme import scheme_of
    from edgebuild.model.fakequant.trace import trace_batches

    if not any(isinstance(module, torch.nn.modules.batchnorm._BatchNorm) for module in model.modules()):
        return []
    try:
        scheme = scheme_of(trace_batches(model, samples).graph)
    except ConfigError as error:
        msg = f"cluster: batch norms must be folded first: {error.message.removeprefix('qat: ')}"
        raise ConfigError(msg, remedy=error.remedy) from error
    return list(fold_norms(model, scheme))
