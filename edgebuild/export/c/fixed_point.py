"""The integer arithmetic of TFLite Micro in numpy: what the generated code does, and what tables are computed with.

Method: Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference
(2018), section 2.4 and appendix B: a real multiplier is a 31-bit fraction and a shift, and a product is rounded twice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

INT32_MAX = 2**31 - 1
INT32_MIN = -(2**31)


@dataclass(frozen=True)
class Multiplier:
    """A real factor: value * 2**-31 * 2**shift, with 2**30 <= value < 2**31, or both 0."""

    value: int
    shift: int


def quantize_multiplier(real: float) -> Multiplier:
    """The multiplier nearest to a real factor; factors below 2**-32 become 0, as in TFLite."""
    if real == 0:
        return Multiplier(0, 0)
    fraction, exponent = math.frexp(real)
    value = math.floor(fraction * 2**31 + 0.5)
    if value == 2**31:
        value //= 2
        exponent += 1
    return Multiplier(0, 0) if exponent < -31 else Multiplier(value, exponent)


def doubling_high_multiply(values: np.ndarray, factor: int | np.ndarray) -> np.ndarray:
    """round(values * factor / 2**31), halves up: equal to the saturating rounding doubling high multiplication.

    (The one case that saturates, -2**31 times -2**31, never occurs: one factor here is always above -2**31.)
    """
    return (values.astype(np.int64) * np.int64(factor) + (1 << 30)) >> 31


def divide_by_power(values: np.ndarray, exponent: int) -> np.ndarray:
    """round(values / 2**exponent), halves away from zero."""
    if exponent == 0:
        return values
    wide = values.astype(np.int64)
    rounded: np.ndarray = (wide + (1 << (exponent - 1)) - (wide < 0)) >> exponent
    return rounded


def multiply(values: np.ndarray, multiplier: Multiplier) -> np.ndarray:
    """Scale int32 values by a multiplier, rounding twice, as TFLite Micro does; the left shift wraps at 32 bits."""
    left, right = max(multiplier.shift, 0), max(-multiplier.shift, 0)
    shifted = (values.astype(np.int64) << left).astype(np.int32)
    return divide_by_power(doubling_high_multiply(shifted, multiplier.value), right)


def saturate(values: np.ndarray) -> np.ndarray:
    """Clamp to the range of int32."""
    clipped: np.ndarray = np.clip(values, INT32_MIN, INT32_MAX)
    return clipped


def exp_of_negative(values: np.ndarray) -> np.ndarray:
    """exp(v) with 31 fractional bits for v <= 0 with 26 fractional bits (5 integer bits).

    The polynomial and the table of exp(-2**k) are those of gemmlowp's fixed-point library: exp on [-1/4, 0) by a Taylor
    series around -1/8, times exp(-1/4), exp(-1/2), ... for every set bit of what is left.
    """
    quarter = 1 << 24
    values = values.astype(np.int64)
    remainder = (values & (quarter - 1)) - quarter
    result = _exp_of_quarter(saturate(remainder << 5))
    rest = remainder - values
    for bit, factor in enumerate((1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)):
        result = np.where(rest & (1 << (24 + bit)), doubling_high_multiply(result, factor), result)
    return np.where(values == 0, INT32_MAX, result)


def _exp_of_quarter(values: np.ndarray) -> np.ndarray:
    """exp(v) for v in [-1/4, 0), 31 fractional bits in and out."""
    x = values + (1 << 28)
    x2 = doubling_high_multiply(x, x)
    x3 = doubling_high_multiply(x2, x)
    x4 = doubling_high_multiply(x2, x2)
    quarter_x4 = divide_by_power(x4, 2)
    inner = divide_by_power(doubling_high_multiply(quarter_x4 + x3, 715827883) + x2, 1)
    return saturate(1895147668 + doubling_high_multiply(x + inner, 1895147668))
