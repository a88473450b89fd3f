"""The windows of a convolution, three pixels at a time: what `windows.c` and `band.c` need to know."""

from __future__ import annotations

import numpy as np

from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.convolution import Convolution
from edgebuild.export.c.initializer import initializer

PIXELS = 3
"""Output pixels per step."""

LARGEST_UINT16 = 65535

SPARE = 16
"""Bytes behind the last column that a kernel may read, in whole words or vectors, but not use."""


def is_direct(convolution: Convolution) -> bool:
    """Whether each window is one pixel that lies inside the image: then no band is needed."""
    return (convolution.kernel_h, convolution.kernel_w) == (1, 1) and convolution.has_interior_only


def window_step(convolution: Convolution, *, direct: bool) -> int:
    """Bytes from one window to the next of a row; with dilation they do not follow each other."""
    if direct:
        return convolution.stride_w * convolution.in_c
    return convolution.stride_w * convolution.kernel_h * (convolution.in_c // convolution.groups)


def fits_windows(convolution: Convolution) -> bool:
    """Whether the numbers of `struct eb_windows` fit their 16 bits."""
    step = max(window_step(convolution, direct=True), window_step(convolution, direct=False))
    return max(step, convolution.depth) <= LARGEST_UINT16


def columns_of(convolution: Convolution) -> int:
    """Columns of one remainder modulo the dilation."""
    width = (convolution.out_w - 1) * convolution.stride_w + (convolution.kernel_w - 1) * convolution.dilation_w + 1
    return -(-width // convolution.dilation_w)


def kept_words(convolution: Convolution) -> int:
    """Words of a window."""
    return -(-convolution.depth // 4)


def window_bytes(convolution: Convolution) -> int:
    """Working memory for windows that are not pixels: two that a row leaves over, and the band."""
    depth = convolution.in_c // convolution.groups
    columns = columns_of(convolution) * convolution.dilation_w
    return 8 * kept_words(convolution) + (columns * convolution.kernel_h * depth + SPARE + 3) // 4 * 4


def band_order(convolution: Convolution) -> np.ndarray:
    """int64 [out_c, depth]: the weights in the order of a window's bytes: column, row, channel."""
    shape = (convolution.out_c, convolution.kernel_h, convolution.kernel_w, -1)
    return convolution.weights_by_channel.reshape(shape).swapaxes(1, 2).reshape(convolution.out_c, -1)


def windows_overlap(convolution: Convolution, *, direct: bool, reads_first: bool) -> int | None:
    """How the output may lie over the input; with groups, the second group reads what the first has written over.

    Args:
        convolution: whose windows are read.
        direct: whether windows are read where they lie, three at a time, and not from a band, a row at a time.
        reads_first: whether three pixels are read for the last time before any is written.
    """
    if convolution.groups > 1:
        return None
    if direct:
        return convolution.pixel_overlap(PIXELS, reads_first=reads_first)
    return convolution.pixel_overlap(convolution.out_w, reads_first=True)


def window_members(convolution: Convolution, context: LayerContext, block: str, *, direct: bool) -> dict[str, object]:
    """The members of `struct eb_windows`; pastes the code that fills a band, which `define_band` defines."""
    depth = convolution.in_c // convolution.groups
    members: dict[str, object] = {
        "block": block,
        "fill": 0,
        "band": 0,
        "line": convolution.stride_h * convolution.in_w * convolution.in_c,
        "step": window_step(convolution, direct=direct),
        "kept": kept_words(convolution),
        **{name: getattr(convolution, name) for name in ("out_h", "out_w", "out_c")},
    }
    if direct:
        return members
    context.source.define(f"eb_band_{depth}", f"EB_BAND({depth})\n")
    apart = {"step": 0} if convolution.dilation_w > 1 else {}
    return {**members, "fill": f"eb_band_{depth}", "band": "&band", **apart}


def define_band(convolution: Convolution) -> str:
    """C of the `struct eb_band` called `band`."""
    names = ("in_h", "in_w", "in_c", "kernel_h", "stride_h", "stride_w", "dilation_h", "dilation_w")
    band = {
        **{name: getattr(convolution, name) for name in (*names, "pad_top", "pad_left")},
        "depth": convolution.in_c // convolution.groups,
        "columns": columns_of(convolution),
        "zero_point": convolution.input_zero_point,
    }
    return initializer("eb_band", "band", band)


def calls_of(convolution: Convolution, context: LayerContext, call: str) -> list[str]:
    """C of one call per image and group; `call` is a format with `group`, `input` and `output`."""
    lines = []
    for image in range(convolution.batches):
        for group in range(convolution.groups):
            skip_in = image * convolution.in_h * convolution.in_w * convolution.in_c
            skip_in += group * (convolution.in_c // convolution.groups)
            skip_out = image * convolution.out_h * convolution.out_w * convolution.out_c
            skip_out += group * (convolution.out_c // convolution.groups)
            places = f"{context.input()} + {skip_in}", f"{context.output()} + {skip_out}"
            lines.append(call.format(group=group, input=places[0], output=places[1]))
    return lines
