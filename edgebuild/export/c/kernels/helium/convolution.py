"""CONV_2D and FULLY_CONNECTED on Helium: three pixels times two channels at a time, 16 products per instruction."""

from __future__ import annotations

import numpy as np

from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.convolution import Convolution, convolution_of
from edgebuild.export.c.graph import Node
from edgebuild.export.c.initializer import initializer
from edgebuild.export.c.kernel import KERNELS, Kernel
from edgebuild.export.c.kernels.dsp.requantize import scaling_of
from edgebuild.export.c.kernels.windows import (
    PIXELS,
    band_order,
    calls_of,
    define_band,
    fits_windows,
    is_direct,
    window_bytes,
    window_members,
    windows_overlap,
)

LANES = 16
"""Bytes in a vector."""

CHANNELS = 32
"""Channels that are scaled together."""

LONGEST_UNROLLED = 8
"""Vectors of a window: their offsets fit the instruction."""

WORK_BYTES = 68 + 4 * PIXELS * CHANNELS
"""Of `struct eb_mve_work` on 32-bit cores."""

UNROLLED_VALUES = 4096
"""A layer with fewer values takes the loop that others share: unrolling saves less than it adds to the flash."""


class ConvolutionHelium(Kernel):
    """Any convolution: windows are runs of bytes, and each pair of channels is a tile."""

    ops = ("CONV_2D", "FULLY_CONNECTED")
    features = frozenset({"helium"})

    def supports(self, node: Node) -> bool:
        """Shifts of common sizes."""
        convolution = convolution_of(node)
        able = convolution.weight_bits == 8 and fits_windows(convolution)
        return able and scaling_of(convolution) is not None

    def scratch_bytes(self, node: Node) -> int:
        """The tile's own, two windows that a row leaves over, and a band."""
        convolution = convolution_of(node)
        return WORK_BYTES + (0 if is_direct(convolution) else window_bytes(convolution))

    def overlap(self, node: Node, index: int) -> int | None:
        """Three pixels, or all of a row, are read before any is written, unless there are more channels than sums."""
        convolution = convolution_of(node)
        if index != 0:
            return None
        fits = convolution.out_c <= CHANNELS
        return windows_overlap(convolution, direct=is_direct(convolution), reads_first=fits)

    def cost(self, node: Node) -> float:
        """Measured on KWS and VWW: 2 a vector, 5.5 a value, 30 a pixel."""
        convolution = convolution_of(node)
        pixels = -(-convolution.batches * convolution.out_h * convolution.out_w // PIXELS) * PIXELS
        per_pixel = convolution.out_c * (2.0 * _vectors(convolution) + 5.5) + 30 * convolution.groups
        if not is_direct(convolution):
            per_pixel += convolution.kernel_h * convolution.stride_w * (4 * convolution.groups + convolution.in_c / 4)
        return pixels * per_pixel

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call of the shared convolution per image and group."""
        convolution = convolution_of(node)
        context.fragment("naked.c", "band.c", "windows.c", "helium/matrix.c", "helium/convolution.c")
        lines = [] if is_direct(convolution) else [define_band(convolution)]
        lines += [
            initializer("eb_mve_convolution", f"g{group}", _members(convolution, group, context))
            for group in range(convolution.groups)
        ]
        work = context.scratch("struct eb_mve_work")
        call = f"eb_mve_convolve(&g{{group}}, {{input}}, {{output}}, {work});"
        return "\n".join(lines + calls_of(convolution, context, call))


def _vectors(convolution: Convolution) -> int:
    return -(-convolution.depth // LANES)


def _tile(convolution: Convolution, context: LayerContext) -> str:
    """Paste the shared code and return the name of the tile's function."""
    is_relu = convolution.clamp_min == convolution.output_zero_point
    sign = "RELU" if is_relu else "SIGNED"
    name = f"eb_mve_tile_{sign.lower()}"
    context.source.define(name, f"EB_MVE_TILE({name}, EB_MVE_{sign}_SUMS)\n")
    return name


def _products(convolution: Convolution, context: LayerContext) -> str:
    """Paste the code for windows of this depth and return its name."""
    whole, part = divmod(convolution.depth, LANES)
    values = convolution.batches * convolution.out_h * convolution.out_w * convolution.out_c
    if whole and (_vectors(convolution) > LONGEST_UNROLLED or values < UNROLLED_VALUES):
        context.source.define("eb_mve_products_loop", "EB_MVE_DEPTH_LOOP(eb_mve_products_loop)\n")
        return "eb_mve_products_loop"
    vectors = [f'EB_MVE_VECTOR("{"a" if i else ""}", ", #{LANES * i}]")' for i in range(whole)]
    if part:
        vectors.append(f'EB_MVE_PART("{"a" if whole else ""}", ", #{LANES * whole}]")')
    name = f"eb_mve_products_{whole}{'_part' if part else ''}"
    context.source.define(name, f"EB_MVE_DEPTH({name}, {' '.join(vectors)})\n")
    return name


def _members(convolution: Convolution, group: int, context: LayerContext) -> dict[str, object]:
    per_group = convolution.out_c // convolution.groups
    first = group * per_group
    scaling = scaling_of(convolution)
    assert scaling is not None
    chosen = slice(first, first + per_group)
    weights = band_order(convolution).astype(np.int8)[chosen]
    if per_group % 2:
        weights = np.append(weights, weights[-1:], axis=0)  # something to compute beside the last channel
    return {
        "windows": window_members(convolution, context, "eb_mve_block", direct=is_direct(convolution)),
        "tile": _tile(convolution, context),
        "products": _products(convolution, context),
        "stream": context.constant(f"stream_{group}", weights, "weights"),
        "bias": context.constant(f"bias_{group}", convolution.folded_bias[chosen].astype(np.int32), "weights"),
        "multiplier": context.constant(f"multiplier_{group}", scaling.multipliers[chosen].astype(np.int32)),
        "shift": context.constant(f"shift_{group}", (-scaling.shifts[chosen]).astype(np.int8)),
        "channels": per_group,
        "depth": convolution.depth,
        "zero_point": convolution.output_zero_point,
        "low": convolution.clamp_min,
        "high": convolution.clamp_max,
    }


KERNELS.register("convolution_helium")(ConvolutionHelium())
