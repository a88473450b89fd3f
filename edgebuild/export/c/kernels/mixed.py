"""Constants that hold weights and other numbers side by side, counted as what they are."""

from __future__ import annotations

import numpy as np

from edgebuild.export.c.context import LayerContext


def mixed_constant(context: LayerContext, name: str, values: np.ndarray, weight_bytes: int) -> str:
    """Store an array of which `weight_bytes` are the file's weights and biases; the rest counts as tables."""
    counted = context.source.constant_bytes
    before = counted.get("weights", 0)
    symbol = context.constant(name, values, "weights")
    if counted.get("weights", 0) > before:  # stored now, not before under another name
        other = values.nbytes - weight_bytes
        counted["weights"] -= other
        counted["table"] = counted.get("table", 0) + other
    return symbol
