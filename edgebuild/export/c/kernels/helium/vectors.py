"""What the depthwise kernels of Helium share: tables in the order of the lanes, and the code of a row."""

from __future__ import annotations

import numpy as np

from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.convolution import Convolution
from edgebuild.export.c.kernels.dsp.requantize import Scaling

LANES = 16
"""Bytes in a vector."""

WIDENED = [0, 4, 8, 12, 2, 6, 10, 14, 1, 5, 9, 13, 3, 7, 11, 15]
"""Which lane stands where after two instructions that widen every other lane."""

TABLE_BYTES = 144
"""Of a group of 16 channels; 64 of them are biases."""


def by_group(values: np.ndarray, order: list[int] | None = None) -> np.ndarray:
    """[..., channels] -> [group, ..., 16], filled up with zeros, the lanes in `order`."""
    groups = -(-values.shape[-1] // LANES)
    filled = np.zeros((*values.shape[:-1], groups * LANES), values.dtype)
    filled[..., : values.shape[-1]] = values
    grouped = np.moveaxis(filled.reshape(*values.shape[:-1], groups, LANES), -2, 0)
    return grouped if order is None else grouped[..., order]


def group_table(bias: np.ndarray, scaling: Scaling) -> np.ndarray:
    """int8 [group, 144]: shifts to the left, folded biases and multipliers, as `vectors.c` loads them."""
    columns = (
        by_group((-scaling.shifts).astype(np.int8), WIDENED),
        by_group(bias.astype("<i4"), WIDENED),
        by_group(scaling.multipliers.astype("<i4"), WIDENED),
    )
    return np.concatenate([np.ascontiguousarray(column).view(np.int8) for column in columns], axis=1)


def define_vectors(convolution: Convolution, context: LayerContext, window: str, places: str) -> str:
    """Write the function that computes a row of 16 channels and return its name.

    Args:
        convolution: decides how values end.
        context: the layer's.
        window: `3x3` or `any`, and what else tells functions apart.
        places: C of the macro's first arguments.
    """
    is_relu = convolution.clamp_min == convolution.output_zero_point
    is_clamped = (convolution.clamp_min, convolution.clamp_max) != (-128, 127)
    name = f"eb_mve_depthwise_row_{window}_{'relu' if is_relu else 'signed'}{'_clamped' if is_clamped else ''}"
    sign = "EB_MVE_RELU" if is_relu else "EB_MVE_SIGNED"
    clamp = "EB_MVE_CLAMP" if is_clamped else "EB_MVE_NO_CLAMP"
    context.fragment("naked.c", "helium/vectors.c")
    macro = "EB_MVE_ROW_ANY" if window == "any" else "EB_MVE_ROW_3X3"
    context.source.define(name, f"EB_MVE_ROW({name}, {macro}({places}{sign}, {clamp}))\n")
    return name
