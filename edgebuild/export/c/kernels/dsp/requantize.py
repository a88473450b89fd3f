"""Multipliers and shifts as the DSP and Helium kernels take them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgebuild.export.c.convolution import Convolution

LARGEST_SHIFT = 22
"""Above it, zero point and rounding term no longer fit beside a sum of 2**30."""

DEAD_SHIFT = 8
"""Any shift will do where the multiplier is 0."""


@dataclass(frozen=True)
class Scaling:
    """Per output channel: int64 multipliers and right shifts, the shifts from 1 to `LARGEST_SHIFT`."""

    multipliers: np.ndarray
    shifts: np.ndarray


def scaling_of(convolution: Convolution) -> Scaling | None:
    """The multipliers; None if some channel shifts by too little or too much for the fast rounding.

    A channel whose every sum scales to less than a half computes its zero point: it gets the multiplier 0.
    """
    multipliers = convolution.multiplier_values.astype(np.int64)
    shifts = convolution.right_shifts.astype(np.int64)
    largest = largest_sums(convolution)
    halves = np.left_shift(np.int64(1), np.clip(shifts - 1, 0, 40))
    scaled = (largest * multipliers + (1 << 30)) >> 31
    dead = (multipliers == 0) | ((shifts > 0) & (scaled < halves))
    multipliers = np.where(dead, 0, multipliers)
    shifts = np.where(dead, DEAD_SHIFT, shifts)
    if shifts.min() < 1 or shifts.max() > LARGEST_SHIFT:
        return None
    return Scaling(multipliers, shifts)


def largest_sums(convolution: Convolution) -> np.ndarray:
    """int64 [out_c]: the largest magnitude that a finished sum of each channel can have, folded bias included."""
    weights, bias = convolution.weights_by_channel, convolution.folded_bias
    highest = bias + np.maximum(127 * weights, -128 * weights).sum(axis=1)
    lowest = bias + np.minimum(127 * weights, -128 * weights).sum(axis=1)
    return np.asarray(np.maximum(np.abs(highest), np.abs(lowest)))


def rounding_of(convolution: Convolution) -> str:
    """How values end: `relu`, `signed` or `clamped`.

    `relu`: the clamp begins at the zero point and is that of int8, so that the sign of a half does not matter.
    """
    clamp = (convolution.clamp_min, convolution.clamp_max)
    if clamp != (-128, 127):
        return "clamped"
    return "relu" if convolution.output_zero_point == -128 else "signed"
