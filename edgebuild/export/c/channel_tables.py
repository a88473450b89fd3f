"""The constants per output channel that plain kernels read."""

from __future__ import annotations

import numpy as np

from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.convolution import Convolution


def channel_tables(
    convolution: Convolution, context: LayerContext, *, weights: np.ndarray, bias: np.ndarray
) -> dict[str, object]:
    """Symbols of the weights as given, the bias as given, multipliers and right shifts, by the C structs' members."""
    return {
        "weights": context.constant("weights", weights, "weights"),
        "bias": context.constant("bias", bias.astype(np.int32), "weights"),
        "multiplier": context.constant("multiplier", convolution.multiplier_values),
        "right": context.constant("right", convolution.right_shifts),
    }
