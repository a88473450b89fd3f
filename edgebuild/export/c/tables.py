"""Operations on one value of 8 bits, as a table of all 256 results: TFLite Micro's arithmetic, done ahead of time."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from edgebuild.export.c import fixed_point
from edgebuild.export.c.activation import LIMITS, RELU, RELU6, clamp_range
from edgebuild.export.c.fixed_point import Multiplier, divide_by_power, multiply, quantize_multiplier
from edgebuild.export.c.graph import Node, Tensor

INTEGER_BITS = 4
"""Integer bits that LOGISTIC and TANH compute with."""


def table_of(node: Node) -> np.ndarray:
    """[256] of the output's type: the result for the stored bytes 0, 1, ..., 255 of the input."""
    stored = np.arange(256, dtype=np.uint8).view(node.input.dtype).astype(np.int64)
    results = _FUNCTIONS[node.op](node, stored - node.input.zero_point)
    low, high = LIMITS[node.output.dtype]
    return np.asarray(np.clip(results, low, high).astype(node.output.dtype))


def _scaled(values: np.ndarray, factor: float, output: Tensor) -> np.ndarray:
    return multiply(values, quantize_multiplier(factor)) + output.zero_point


def _quantize(node: Node, values: np.ndarray) -> np.ndarray:
    return _scaled(values, node.input.scale / node.output.scale, node.output)


def _relu(node: Node, values: np.ndarray) -> np.ndarray:
    low, high = clamp_range(node.output, RELU)
    return np.asarray(np.clip(_scaled(values, node.input.scale / node.output.scale, node.output), low, high))


def _relu6(node: Node, values: np.ndarray) -> np.ndarray:
    """The input's own clamp, whatever the output's scale: that is what TFLite Micro does."""
    low, high = clamp_range(node.input, RELU6)
    return np.asarray(np.clip(values + node.input.zero_point, low, high))


def _leaky_relu(node: Node, values: np.ndarray) -> np.ndarray:
    positive = _scaled(values, node.input.scale / node.output.scale, node.output)
    factor = node.input.scale * float(np.float32(node.options.get("alpha", 0.0))) / node.output.scale
    size = multiply(values, quantize_multiplier(abs(factor)))
    if factor < 0:
        size = multiply(values, _negated(quantize_multiplier(-factor)))
    return np.where(values >= 0, positive, size + node.output.zero_point)


def _negated(multiplier: Multiplier) -> Multiplier:
    return Multiplier(-multiplier.value, multiplier.shift)


def _saturating(node: Node, values: np.ndarray) -> tuple[np.ndarray, int]:
    """Values with INTEGER_BITS integer bits, and the distance from 0 beyond which they do not fit."""
    real = node.input.scale * (1 << (31 - INTEGER_BITS))
    fraction, shift = math.frexp(real)
    factor = Multiplier(math.floor(fraction * 2**31 + 0.5), shift)
    radius = math.floor(((1 << INTEGER_BITS) - 1) * (1 << (31 - INTEGER_BITS)) / 2**shift)
    return multiply(np.clip(values, -radius, radius), factor), radius


def _logistic(node: Node, values: np.ndarray) -> np.ndarray:
    inside, radius = _saturating(node, values)
    results = divide_by_power(fixed_point.logistic(inside), 31 - 8) - 128
    return np.where(values <= -radius, -128, np.where(values >= radius, 127, results))


def _tanh(node: Node, values: np.ndarray) -> np.ndarray:
    inside, radius = _saturating(node, values)
    results = divide_by_power(fixed_point.tanh(inside), 31 - 7)
    return np.where(values <= -radius, -128, np.where(values >= radius, 127, results))


def _hard_swish(node: Node, values: np.ndarray) -> np.ndarray:
    """Values times clamp(values + 3, 0, 6) / 6 with 16 bits; the last product is rounded towards 0."""
    fine = np.float32(1 / 128) * np.float32(node.input.scale)
    to_output = quantize_multiplier(float(fine / np.float32(node.output.scale)))
    to_unit = quantize_multiplier(float(fine / (np.float32(3.0) / np.float32(32768.0))))
    shifted = values << 7
    preshift = _high16(shifted, _short(to_output))
    unit = _saturate16(shifted << max(to_unit.shift - 1, 0))
    unit = _high16(unit, _short(to_unit))
    if to_unit.shift > 0:
        unit = _saturate16(unit << 1)
    unit = divide_by_power(unit, max(-to_unit.shift, 0))
    unit = (unit + (1 << 15)) >> 1
    product = unit * preshift
    product = np.where(product >= 0, product >> 15, -(-product >> 15))
    return divide_by_power(product, -to_output.shift) + node.output.zero_point


def _short(multiplier: Multiplier) -> int:
    """The multiplier with 15 fractional bits."""
    return 32767 if multiplier.value >= 2**31 - 2**15 else (multiplier.value + (1 << 15)) >> 16


def _high16(values: np.ndarray, factor: int) -> np.ndarray:
    """round(values * factor / 2**15), halves away from zero in the way of 16-bit instructions: halves up."""
    return (values * factor + (1 << 14)) >> 15


def _saturate16(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(values, -(2**15), 2**15 - 1))


_FUNCTIONS: dict[str, Callable[[Node, np.ndarray], np.ndarray]] = {
    "QUANTIZE": _quantize,
    "RELU": _relu,
    "RELU6": _relu6,
    "LEAKY_RELU": _leaky_relu,
    "LOGISTIC": _logistic,
    "TANH": _tanh,
    "HARD_SWISH": _hard_swish,
}

TABLE_OPS = tuple(_FUNCTIONS)
"""The operations that `table_of` knows."""
