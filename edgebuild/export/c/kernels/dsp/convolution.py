"""CONV_2D and FULLY_CONNECTED on the DSP extension: three pixels times two channels at a time."""

from __future__ import annotations

from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.convolution import Convolution, convolution_of
from edgebuild.export.c.graph import Node
from edgebuild.export.c.initializer import initializer
from edgebuild.export.c.kernel import KERNELS, Kernel
from edgebuild.export.c.kernels.dsp.requantize import rounding_of, scaling_of
from edgebuild.export.c.kernels.dsp.stream import is_packable, steps_of, stream_constants
from edgebuild.export.c.kernels.windows import (
    PIXELS,
    calls_of,
    define_band,
    fits_windows,
    is_direct,
    window_bytes,
    window_members,
    windows_overlap,
)

BYTES_PER_STEP = 8 * PIXELS
"""Of columns: a depth of 4, as 16 bits."""

WORK_BYTES = 52
"""Of `struct eb_dsp_tile`, on 32-bit cores."""

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
        able = per_group >= 2 and convolution.weight_bits == 8 and fits_windows(convolution)
        return able and scaling_of(convolution) is not None

    def scratch_bytes(self, node: Node) -> int:
        """The tile's own, three columns, two windows that a row leaves over, and a band."""
        convolution = convolution_of(node)
        columns = WORK_BYTES + BYTES_PER_STEP * steps_of(convolution)
        return columns if _is_direct(convolution) else columns + window_bytes(convolution)

    def overlap(self, node: Node, index: int) -> int | None:
        """Three pixels, or all of a row, are read before any is written."""
        convolution = convolution_of(node)
        direct = _is_direct(convolution)
        return windows_overlap(convolution, direct=direct, reads_first=True) if index == 0 else None

    def cost(self, node: Node) -> float:
        """Measured on KWS and VWW: 0.73 a product (wide: 0.85), 7.5 a value, 1 a value of a window, 30 a pixel."""
        convolution = convolution_of(node)
        pixels = -(-convolution.batches * convolution.out_h * convolution.out_w // PIXELS) * PIXELS
        depth = 4 * steps_of(convolution)
        product = 0.73 if is_packable(convolution) else 0.85
        per_pixel = convolution.out_c * (product * depth + 7.5) + convolution.groups * (depth + 30)
        if not _is_direct(convolution):
            per_pixel += convolution.kernel_h * convolution.stride_w * (4 * convolution.groups + convolution.in_c / 2)
        return pixels * per_pixel

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call of the shared convolution per image and group."""
        convolution = convolution_of(node)
        tile = _tile(convolution, context)
        lines = [] if _is_direct(convolution) else [define_band(convolution)]
        lines += [
            initializer("eb_dsp_convolution", f"g{group}", _members(convolution, group, tile, context))
            for group in range(convolution.groups)
        ]
        work = context.scratch("struct eb_dsp_tile")
        call = f"eb_dsp_convolve(&g{{group}}, {{input}}, {{output}}, {work});"
        return "\n".join(lines + calls_of(convolution, context, call))


def _is_direct(convolution: Convolution) -> bool:
    """Whether windows can be read where they lie: pixels of whole words."""
    return is_direct(convolution) and (convolution.in_c // convolution.groups) % 4 == 0


def _tile(convolution: Convolution, context: LayerContext) -> str:
    """Paste the shared code and return the name of the tile's function."""
    rounding = rounding_of(convolution)
    kind = "packed" if is_packable(convolution) else "wide"
    name = f"eb_dsp_tile_{kind}_{rounding}"
    upper = kind.upper()
    requantize, clamp = _REQUANTIZE[rounding]
    context.fragment("naked.c", "band.c", "windows.c", "dsp/tile.c")
    text = f"EB_DSP_TILE({name}, EB_TILE_{upper}_STEP, EB_TILE_{upper}_SECOND, {requantize}, {clamp})\n"
    context.source.define(name, text)
    context.fragment("dsp/convolution.c")
    return name


def _members(convolution: Convolution, group: int, tile: str, context: LayerContext) -> dict[str, object]:
    stream, last = stream_constants(convolution, group, context)
    return {
        "windows": window_members(convolution, context, "eb_dsp_block", direct=_is_direct(convolution)),
        "tile": tile,
        "stream": stream,
        "last": last,
        "channels": convolution.out_c // convolution.groups,
        "steps": steps_of(convolution),
        "zero_point": convolution.output_zero_point,
        "low": convolution.clamp_min,
        "high": convolution.clamp_max,
    }


KERNELS.register("convolution_dsp")(ConvolutionDsp())
