"""Windows of a convolution as runs of bytes: what `band.c` needs to know, shared by the DSP and Helium kernels."""

from __future__ import annotations

import numpy as np

from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.convolution import Convolution

SPARE = 16
"""Bytes behind the last column that a kernel may read, in whole words or vectors, but not use."""


def is_direct(convolution: Convolution) -> bool:
    """Whether each window is one pixel that lies inside the image: then no band is needed."""
    return (convolution.kernel_h, convolution.kernel_w) == (1, 1) and convolution.has_interior_only


def columns_of(convolution: Convolution) -> int:
    """Columns of one remainder modulo the dilation."""
    width = (convolution.out_w - 1) * convolution.stride_w + (convolution.kernel_w - 1) * convolution.dilation_w + 1
    return -(-width // convolution.dilation_w)


def band_bytes(convolution: Convolution) -> int:
    """Bytes of the band, what may be read behind it included, in whole words."""
    depth = convolution.in_c // convolution.groups
    columns = columns_of(convolution) * convolution.dilation_w
    return (columns * convolution.kernel_h * depth + SPARE + 3) // 4 * 4


def band_order(convolution: Convolution) -> np.ndarray:
    """int64 [out_c, depth]: the weights in the order of a window's bytes: column, row, channel."""
    shape = (convolution.out_c, convolution.kernel_h, convolution.kernel_w, -1)
    return convolution.weights_by_channel.reshape(shape).swapaxes(1, 2).reshape(convolution.out_c, -1)


def band_function(convolution: Convolution, context: LayerContext) -> str:
    """Paste the code that fills a band and return its name."""
    depth = convolution.in_c // convolution.groups
    context.fragment("band.c")
    context.source.define(f"eb_band_{depth}", f"EB_BAND({depth})\n")
    return f"eb_band_{depth}"


def band_members(convolution: Convolution) -> dict[str, object]:
    """The members of `struct eb_band`."""
    names = ("in_h", "in_w", "in_c", "kernel_h", "stride_h", "stride_w", "dilation_h", "dilation_w")
    return {
        **{name: getattr(convolution, name) for name in (*names, "pad_top", "pad_left")},
        "depth": convolution.in_c // convolution.groups,
        "columns": columns_of(convolution),
        "zero_point": convolution.input_zero_point,
    }
