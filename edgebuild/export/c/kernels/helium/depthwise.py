"""DEPTHWISE_CONV_2D on Helium: 16 channels at a time, products of two taps summed in 16 bits."""

from __future__ import annotations

import numpy as np

from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.convolution import Convolution, convolution_of
from edgebuild.export.c.graph import Node
from edgebuild.export.c.initializer import initializer
from edgebuild.export.c.kernel import KERNELS, Kernel
from edgebuild.export.c.kernels.dsp.requantize import scaling_of
from edgebuild.export.c.kernels.helium.vectors import LANES, TABLE_BYTES, by_group, define_vectors, group_table
from edgebuild.export.c.kernels.mixed import mixed_constant

WORK_BYTES = 64
"""Of `struct eb_mve_depthwise_work` on 32-bit cores."""


class DepthwiseHelium(Kernel):
    """Any window; one of 3x3 without gaps is unrolled."""

    ops = ("DEPTHWISE_CONV_2D",)
    features = frozenset({"helium"})

    def supports(self, node: Node) -> bool:
        """One output channel per input channel, weights above -128, shifts of common sizes."""
        convolution = convolution_of(node)
        return (
            convolution.depth_multiplier == 1
            and convolution.weight_bits == 8
            and int(convolution.weights.min()) > -128
            and scaling_of(convolution) is not None
        )

    def scratch_bytes(self, node: Node) -> int:
        """Addresses of taps, and the rows under the kernel with their padding."""
        convolution = convolution_of(node)
        pointers = (_taps(convolution) + 4) // 4 * 16
        return WORK_BYTES + pointers + _groups(convolution) * _rows(convolution) * _columns(convolution) * LANES

    def overlap(self, node: Node, index: int) -> int | None:
        """All rows under the kernel are read before a row is written."""
        convolution = convolution_of(node)
        return convolution.pixel_overlap(convolution.out_w, reads_first=True) if index == 0 else None

    def cost(self, node: Node) -> float:
        """Measured on KWS and VWW: 13 a tap of 16 channels, 45 a vector of values."""
        convolution = convolution_of(node)
        vectors = convolution.batches * convolution.out_h * convolution.out_w * _groups(convolution)
        copied = convolution.batches * convolution.in_h * convolution.in_w * _groups(convolution)
        tap = 9 if _is_3x3(convolution) else 12
        return vectors * (tap * convolution.depth + 45) + 6 * copied

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call of the shared code per image."""
        convolution = convolution_of(node)
        name = _function(convolution, context)
        lines = [initializer("eb_mve_depthwise", "g", _members(convolution, context))]
        for image in range(convolution.batches):
            skip_in = image * convolution.in_h * convolution.in_w * convolution.in_c
            skip_out = image * convolution.out_h * convolution.out_w * convolution.out_c
            lines.append(
                f"{name}(&g, {context.input()} + {skip_in}, {context.output()} + {skip_out},"
                f" {context.scratch('struct eb_mve_depthwise_work')});"
            )
        return "\n".join(lines)


def _function(convolution: Convolution, context: LayerContext) -> str:
    """Paste the shared code and return the name of the function for this kind of window and clamp."""
    window = "3x3" if _is_3x3(convolution) else "any"
    places = '"16", "32", ' if _is_3x3(convolution) else ""
    row = define_vectors(convolution, context, window, places)
    context.fragment("helium/depthwise.c")
    name = row.replace("_row_", "_")
    context.source.define(name, f"EB_MVE_DEPTHWISE({name}, {row}, {int(_is_3x3(convolution))})\n")
    return name


def _is_3x3(convolution: Convolution) -> bool:
    return (convolution.kernel_h, convolution.kernel_w, convolution.dilation_w) == (3, 3, 1)


def _taps(convolution: Convolution) -> int:
    """Taps of a window, filled up to an even number where two are multiplied at a time."""
    return convolution.depth if _is_3x3(convolution) else (convolution.depth + 1) // 2 * 2


def _groups(convolution: Convolution) -> int:
    return -(-convolution.out_c // LANES)


def _rows(convolution: Convolution) -> int:
    return (convolution.kernel_h - 1) * convolution.dilation_h + 1


def _columns(convolution: Convolution) -> int:
    return (convolution.out_w - 1) * convolution.stride_w + (convolution.kernel_w - 1) * convolution.dilation_w + 1


def _members(convolution: Convolution, context: LayerContext) -> dict[str, object]:
    scaling = scaling_of(convolution)
    assert scaling is not None
    taps = np.zeros((_taps(convolution), convolution.out_c), np.int8)
    taps[: convolution.depth] = convolution.weights.reshape(-1, convolution.out_c)
    weights = by_group(taps)
    table = group_table(convolution.folded_bias, scaling)
    names = ("in_h", "in_w", "out_h", "out_w", "kernel_h", "kernel_w", "stride_h", "stride_w")
    return {
        "weights": context.constant("weights", weights, "weights"),
        "table": mixed_constant(context, "table", table, table.nbytes * 64 // TABLE_BYTES),
        **{name: getattr(convolution, name) for name in (*names, "dilation_h", "dilation_w", "pad_top", "pad_left")},
        "channels": convolution.out_c,
        "taps": _taps(convolution),
        "columns": _columns(convolution),
        "rows": _rows(convolution),
        "in_zero_point": convolution.input_zero_point,
        "zero_point": convolution.output_zero_point,
        "low": convolution.clamp_min,
        "high": convolution.clamp_max,
    }


KERNELS.register("depthwise_helium")(DepthwiseHelium())
