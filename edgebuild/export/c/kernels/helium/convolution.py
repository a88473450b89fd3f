"""CONV_2D and FULLY_CONNECTED on Helium: three pixels times two channels at a time, 16 products per instruction."""

from __future__ import annotations

import numpy as np

from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.convolution import Convolution, convolution_of
from edgebuild.export.c.graph import Node
from edgebuild.export.c.initializer import initializer
from edgebuild.export.c.kernel import KERNELS, Kernel
from edgebuild.export.c.kernels.band import band_bytes, band_function, band_members, band_order, is_direct
from edgebuild.export.c.kernels.dsp.requantize import scaling_of

PIXELS = 3
"""Output pixels per step."""

LANES = 16
"""Bytes in a vector."""

CHANNELS = 32
"""Channels that are scaled together."""

LONGEST_UNROLLED = 8
"""Vectors of a window: their offsets fit the instruction."""

WORK_BYTES = 4 * 3 * CHANNELS + 64 + 4 + 12
"""Of `struct eb_mve_work` on 32-bit cores, and what aligns its end."""


class ConvolutionHelium(Kernel):
    """Any convolution: windows are runs of bytes, and each pair of channels is a tile."""

    ops = ("CONV_2D", "FULLY_CONNECTED")
    features = frozenset({"helium"})

    def supports(self, node: Node) -> bool:
        """Shifts of common sizes."""
        convolution = convolution_of(node)
        return convolution.weight_bits == 8 and scaling_of(convolution) is not None

    def scratch_bytes(self, node: Node) -> int:
        """The tile's own, two windows that a row leaves over, and a band."""
        convolution = convolution_of(node)
        if is_direct(convolution):
            return WORK_BYTES
        return WORK_BYTES + 2 * LANES * _vectors(convolution) + band_bytes(convolution)

    def overlap(self, node: Node, index: int) -> int | None:
        """Three pixels, or all of a row, are read before any is written; later channels read their pixels again."""
        convolution = convolution_of(node)
        if index != 0 or convolution.groups > 1:
            return None
        if not is_direct(convolution):
            return convolution.pixel_overlap(convolution.out_w, reads_first=True)
        fits = convolution.out_c <= CHANNELS
        return convolution.pixel_overlap(PIXELS, reads_first=fits)

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
        tile = _tile(convolution, context)
        lines = [
            initializer("eb_mve_convolution", f"g{group}", _members(convolution, group, tile, context))
            for group in range(convolution.groups)
        ]
        for image in range(convolution.batches):
            for group in range(convolution.groups):
                skip_in = image * convolution.in_h * convolution.in_w * convolution.in_c
                skip_in += group * (convolution.in_c // convolution.groups)
                skip_out = image * convolution.out_h * convolution.out_w * convolution.out_c
                skip_out += group * (convolution.out_c // convolution.groups)
                lines.append(
                    f"eb_mve_convolve(&g{group}, {context.input()} + {skip_in}, {context.output()} + {skip_out},"
                    f" {context.scratch('struct eb_mve_work')});"
                )
        return "\n".join(lines)


def _vectors(convolution: Convolution) -> int:
    return -(-convolution.depth // LANES)


def _tile(convolution: Convolution, context: LayerContext) -> str:
    """Paste the shared code and return the name of the tile's function."""
    whole, part = divmod(convolution.depth, LANES)
    is_relu = convolution.clamp_min == convolution.output_zero_point
    sign = "RELU" if is_relu else "SIGNED"
    if _vectors(convolution) <= LONGEST_UNROLLED:
        vectors = [f'EB_MVE_VECTOR("{"a" if i else ""}", ", #{LANES * i}]")' for i in range(whole)]
        if part:
            vectors.append(f'EB_MVE_PART("{"a" if whole else ""}", ", #{LANES * whole}]")')
        depth, name = f"EB_MVE_UNROLLED({' '.join(vectors)})", f"{whole}{'_part' if part else ''}"
    else:
        depth, name = "EB_MVE_LOOP", "loop"
    name = f"eb_mve_tile_{name}_{sign.lower()}"
    context.fragment("helium/matrix.c")
    context.source.define(name, f"EB_MVE_TILE({name}, {depth}, EB_MVE_{sign}_SUMS)\n")
    context.fragment("band.c", "helium/convolution.c")
    return name


def _members(convolution: Convolution, group: int, tile: str, context: LayerContext) -> dict[str, object]:
    per_group = convolution.out_c // convolution.groups
    first = group * per_group
    scaling = scaling_of(convolution)
    assert scaling is not None
    chosen = slice(first, first + per_group)
    weights = band_order(convolution).astype(np.int8)[chosen]
    if per_group % 2:
        weights = np.append(weights, weights[-1:], axis=0)  # something to compute beside the last channel
    return {
        "tile": tile,
        "fill": 0 if is_direct(convolution) else band_function(convolution, context),
        "stream": context.constant(f"stream_{group}", weights, "weights"),
        "bias": context.constant(f"bias_{group}", convolution.folded_bias[chosen].astype(np.int32), "weights"),
        "multiplier": context.constant(f"multiplier_{group}", scaling.multipliers[chosen].astype(np.int32)),
        "shift": context.constant(f"shift_{group}", (-scaling.shifts[chosen]).astype(np.int8)),
        "band": band_members(convolution),
        "out_h": convolution.out_h,
        "out_w": convolution.out_w,
        "out_c": convolution.out_c,
        "channels": per_group,
        "depth": convolution.depth,
        "zero_point": convolution.output_zero_point,
        "low": convolution.clamp_min,
        "high": convolution.clamp_max,
    }


KERNELS.register("convolution_helium")(ConvolutionHelium())
