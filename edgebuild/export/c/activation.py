"""The clamp that a fused activation function is, in stored values."""

from __future__ import annotations

import math

import numpy as np

from edgebuild.export.c.graph import Node, Tensor

NONE, RELU, RELU_N1_TO_1, RELU6 = 0, 1, 2, 3
"""Values of the schema's ActivationFunctionType that are clamps."""

LIMITS = {"int8": (-128, 127), "uint8": (0, 255)}
REAL_RANGES: dict[int, tuple[float | None, float | None]] = {
    NONE: (None, None),
    RELU: (0.0, None),
    RELU_N1_TO_1: (-1.0, 1.0),
    RELU6: (0.0, 6.0),
}


def clamp_of(node: Node) -> tuple[int, int]:
    """(smallest, largest) stored value of the node's output."""
    low, high = clamp_range(node.output, int(node.options.get("fusedActivationFunction", NONE)))
    least, most = node.options.get("clamp", (low, high))  # of an activation that `fuse_clamps.py` put into this node
    return max(low, least), min(high, most)


def clamp_range(tensor: Tensor, function: int) -> tuple[int, int]:
    """(smallest, largest) stored value of a tensor behind a fused activation function."""
    lowest, highest = LIMITS[tensor.dtype]
    low, high = REAL_RANGES[function]
    minimum = lowest if low is None else max(lowest, _stored(low, tensor))
    maximum = highest if high is None else min(highest, _stored(high, tensor))
    return minimum, maximum


def _stored(real: float, tensor: Tensor) -> int:
    """Round half away from zero, in float32, as TFLite does."""
    ratio = float(np.float32(real) / np.float32(tensor.scale))
    return tensor.zero_point + math.floor(abs(ratio) + 0.5) * (1 if ratio >= 0 else -1)
