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


EXPONENTIALS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
"""exp(-1/4), exp(-1/2), exp(-1), ... exp(-16), with 31 fractional bits."""


def exp_of_negative(values: np.ndarray, integer_bits: int) -> np.ndarray:
    """exp(v) with 31 fractional bits, for v <= 0 that have 4 or 5 integer bits and fill 32.

    The polynomial is that of gemmlowp's fixed-point library: a Taylor series around -1/8 gives exp on [-1/4, 0), which
    is multiplied by one of EXPONENTIALS for every set bit of what is left.
    """
    fraction = 31 - integer_bits - 2
    quarter = 1 << fraction
    values = values.astype(np.int64)
    remainder = (values & (quarter - 1)) - quarter
    result = _exp_of_quarter(saturate(remainder << integer_bits))
    rest = remainder - values
    for bit, factor in enumerate(EXPONENTIALS[: integer_bits + 2]):
        result = np.where(rest & (1 << (fraction + bit)), doubling_high_multiply(result, factor), result)
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


def inverse_of_one_plus(values: np.ndarray) -> np.ndarray:
    """1 / (1 + v) for 0 <= v < 1, 31 fractional bits in, 29 out: Newton's method on half the denominator."""
    half = (values.astype(np.int64) + INT32_MAX + 1) // 2
    guess = 1515870810 + doubling_high_multiply(half, -1010580540)
    for _ in range(3):
        error = (1 << 29) - doubling_high_multiply(guess, half)
        guess = guess + saturate(doubling_high_multiply(guess, error) << 2)
    return guess


def logistic(values: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-v)), 27 fractional bits in, 31 out."""
    above = saturate(inverse_of_one_plus(exp_of_negative(-np.abs(values), 4)) << 1)
    return np.where(values == 0, 1 << 30, np.where(values > 0, above, INT32_MAX - above))


def tanh(values: np.ndarray) -> np.ndarray:
    """The hyperbolic tangent, 27 fractional bits in, 31 out: (1 - exp(-2v)) / (1 + exp(-2v))."""
    above = saturate((inverse_of_one_plus(exp_of_negative(-np.abs(values), 5)) - (1 << 29)) << 2)
    return np.where(values == 0, 0, np.where(values > 0, above, -above))
