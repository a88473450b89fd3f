"""CONV_2D and FULLY_CONNECTED on the DSP extension: three pixels times two channels at a time."""

from __future__ import annotations

import numpy as np

from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.convolution import Convolution, convolution_of
from edgebuild.export.c.graph import Node
from edgebuild.export.c.initializer import initializer
from edgebuild.export.c.kernel import KERNELS, Kernel
from edgebuild.export.c.kernels.dsp.requantize import rounding_of, scaling_of
from edgebuild.export.c.kernels.dsp.stream import is_packable, pack_stream, steps_of

PIXELS = 3
"""Output pixels per step."""

BYTES_PER_STEP = 8 * PIXELS
"""Of columns: a depth of 4, as 16 bits."""

_REQUANTIZE = {
    "relu": ("EB_TILE_RELU", "EB_TILE_NO_CLAMP"),
    "signed": ("EB_TILE_SIGNED", "EB_TILE_NO_CLAMP"),
    "clamped": ("EB_TILE_SIGNED", "EB_TILE_CLAMP"),
}


class ConvolutionDsp(Kernel):
    """Any convolution: windows become columns of 16 bits, and each pair of channels is a tile."""

    ops = ("CONV_2D", "FULLY_CONNECTED")
    features = frozenset({"dsp"})

    def supports(self, node: Node) -> bool:
        """Shifts of common sizes, at least two channels per group."""
        convolution = convolution_of(node)
        per_group = convolution.out_c // convolution.groups
        small = max(convolution.kernel_h, convolution.kernel_w, convolution.stride_h, convolution.stride_w) < 256
        return per_group >= 2 and convolution.weight_bits == 8 and small and scaling_of(convolution) is not None

    def scratch_bytes(self, node: Node) -> int:
        """Three columns, and three rows of bytes before they become columns."""
        convolution = convolution_of(node)
        steps = steps_of(convolution)
        return steps * (BYTES_PER_STEP + (0 if _is_direct(convolution) else 4 * PIXELS))

    def overlap(self, node: Node, index: int) -> int | None:
        """Three pixels are read before any is written; with groups, the second group reads later."""
        convolution = convolution_of(node)
        return convolution.pixel_overlap(PIXELS, reads_first=True) if index == 0 and convolution.groups == 1 else None

    def cost(self, node: Node) -> float:
        """Measured on KWS and VWW: 0.73 (wide: 0.85) a product, 7.5 a value, 1.5 a value read."""
        convolution = convolution_of(node)
        pixels = -(-convolution.batches * convolution.out_h * convolution.out_w // PIXELS) * PIXELS
        depth = 4 * steps_of(convolution)
        product = 0.73 if is_packable(convolution) else 0.85
        reads = pixels * depth * convolution.groups * (1.0 if _is_direct(convolution) else 2.5)
        return pixels * convolution.out_c * (product * depth + 8.5) + reads + 15 * pixels

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call of the shared convolution per image and group."""
        convolution = convolution_of(node)
        packed = is_packable(convolution)
        tile = _tile(convolution, packed, context)
        lines = []
        for group in range(convolution.groups):
            lines.append(initializer("eb_dsp_convolution", f"g{group}", _members(convolution, group, tile, context)))
        direct = int(_is_direct(convolution))
        for image in range(convolution.batches):
            for group in range(convolution.groups):
                skip_in = image * convolution.in_h * convolution.in_w * convolution.in_c
                skip_in += group * (convolution.in_c // convolution.groups)
                skip_out = image * convolution.out_h * convolution.out_w * convolution.out_c
                skip_out += group * (convolution.out_c // convolution.groups)
                lines.append(
                    f"eb_dsp_convolve(&g{group}, {context.input()} + {skip_in}, {context.output()} + {skip_out},"
                    f" {context.scratch('int16_t')}, {direct});"
                )
        return "\n".join(lines)


def _is_direct(convolution: Convolution) -> bool:
    """Whether a window is one pixel inside the image, of whole words."""
    return (
        (convolution.kernel_h, convolution.kernel_w) == (1, 1)
        and convolution.has_interior_only
        and (convolution.in_c // convolution.groups) % 4 == 0
    )


def _tile(convolution: Convolution, packed: bool, context: LayerContext) -> str:
    """Paste the shared code and return the name of the tile's function."""
    rounding = rounding_of(convolution)
    kind = "packed" if packed else "wide"
    name = f"eb_dsp_tile_{kind}_{rounding}"
    upper = kind.upper()
    requantize, clamp = _REQUANTIZE[rounding]
    context.fragment("dsp/tile.c")
    text = f"EB_DSP_TILE({name}, EB_TILE_{upper}_STEP, EB_TILE_{upper}_SECOND, {requantize}, {clamp})\n"
    context.source.define(name, text)
    context.fragment("dsp/convolution.c")
    return name


def _members(convolution: Convolution, group: int, tile: str, context: LayerContext) -> dict[str, object]:
    per_group = convolution.out_c // convolution.groups
    first = group * per_group
    pairs = [(channel, channel + 1) for channel in range(first, first + per_group - 1, 2)]
    stream = context.constant(f"stream_{group}", pack_stream(convolution, pairs), "weights")
    last: str | int = 0
    if per_group % 2:
        pair = (first + per_group - 2, first + per_group - 1)
        last = context.constant(f"last_{group}", pack_stream(convolution, [pair]), "weights")
    names = ("in_h", "in_w", "in_c", "out_h", "out_w", "out_c", "kernel_h", "kernel_w", "stride_h", "stride_w")
    return {
        "tile": tile,
        "stream": stream,
        "last": last,
        **{name: getattr(convolution, name) for name in names},
        "dilation_h": convolution.dilation_h,
        "dilation_w": convolution.dilation_w,
        "pad_top": convolution.pad_top,
        "pad_left": convolution.pad_left,
        "channels": per_group,
        "depth": convolution.in_c // convolution.groups,
        "steps": steps_of(convolution),
        "zero_point": convolution.input_zero_point,
        "out_zero_point": convolution.output_zero_point,
        "low": convolution.clamp_min,
        "high": convolution.clamp_max,
    }


KERNELS.register("convolution_dsp")(ConvolutionDsp())
