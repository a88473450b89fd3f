"""DEPTHWISE_CONV_2D with few channels on Helium: neighbouring pixels share a vector."""

from __future__ import annotations

import numpy as np

from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.convolution import Convolution, convolution_of
from edgebuild.export.c.graph import Node
from edgebuild.export.c.initializer import initializer
from edgebuild.export.c.kernel import KERNELS, Kernel
from edgebuild.export.c.kernels.dsp.requantize import Scaling, scaling_of
from edgebuild.export.c.kernels.helium.vectors import LANES, by_group, define_vectors, group_table
from edgebuild.export.c.kernels.windows import LARGEST_UINT16

WORK_BYTES = 64
"""Of `struct eb_mve_few_work` on 32-bit cores."""


class DepthwiseFewHelium(Kernel):
    """3x3, stride 1, where 16 is a multiple of the channels and whole vectors make a row."""

    ops = ("DEPTHWISE_CONV_2D",)
    features = frozenset({"helium"})

    def supports(self, node: Node) -> bool:
        """Up to 8 channels, one output channel per input channel, weights above -128, shifts of common sizes."""
        convolution = convolution_of(node)
        window = (convolution.kernel_h, convolution.kernel_w, convolution.dilation_h, convolution.dilation_w)
        return (
            (*window, convolution.stride_h, convolution.stride_w) == (3, 3, 1, 1, 1, 1)
            and convolution.depth_multiplier == 1
            and convolution.out_c < LANES
            and LANES % convolution.out_c == 0
            and convolution.out_w * convolution.out_c % LANES == 0
            and (convolution.in_w + 2) * convolution.out_c <= LARGEST_UINT16
            and convolution.weight_bits == 8
            and int(convolution.weights.min()) > -128
            and scaling_of(convolution) is not None
        )

    def scratch_bytes(self, node: Node) -> int:
        """Three rows with their padding."""
        return WORK_BYTES + 3 * _row_bytes(convolution_of(node))

    def overlap(self, node: Node, index: int) -> int | None:
        """All rows under the kernel are read before a row is written."""
        convolution = convolution_of(node)
        return convolution.pixel_overlap(convolution.out_w, reads_first=True) if index == 0 else None

    def cost(self, node: Node) -> float:
        """Measured on VWW: 130 a vector, 110 a row."""
        convolution = convolution_of(node)
        vectors = node.output.elements / LANES
        return 130 * vectors + 110 * convolution.batches * convolution.out_h

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call per image."""
        convolution = convolution_of(node)
        channels = convolution.out_c
        row = define_vectors(convolution, context, f"{channels}x3x3", f'"{channels}", "{2 * channels}", ')
        context.fragment("helium/depthwise_few.c")
        lines = [initializer("eb_mve_few", "g", _members(convolution, context))]
        for image in range(convolution.batches):
            skip_in = image * convolution.in_h * convolution.in_w * channels
            skip_out = image * convolution.out_h * convolution.out_w * channels
            lines.append(
                f"eb_mve_depthwise_few(&g, {context.input()} + {skip_in}, {context.output()} + {skip_out},"
                f" {context.scratch('struct eb_mve_few_work')}, {row});"
            )
        return "\n".join(lines)


def _row_bytes(convolution: Convolution) -> int:
    """Of the ring, in whole vectors."""
    return -(-(convolution.out_w + 2) * convolution.out_c // LANES) * LANES


def _members(convolution: Convolution, context: LayerContext) -> dict[str, object]:
    scaling = scaling_of(convolution)
    assert scaling is not None
    channels, times = convolution.out_c, LANES // convolution.out_c
    repeated = Scaling(np.tile(scaling.multipliers, times), np.tile(scaling.shifts, times))
    weights = by_group(np.tile(convolution.weights.astype(np.int8).reshape(9, channels), (1, times)))
    table = group_table(np.tile(convolution.folded_bias, times), repeated)
    return {
        "weights": context.constant("weights", weights, "weights"),
        "table": context.constant("table", table),
        "in_h": convolution.in_h,
        "in_bytes": convolution.in_w * channels,
        "out_h": convolution.out_h,
        "out_bytes": convolution.out_w * channels,
        "row_bytes": _row_bytes(convolution),
        "first": convolution.pad_left * channels,
        "copied": min(convolution.in_w, convolution.out_w + 2 - convolution.pad_left) * channels,
        "pad_top": convolution.pad_top,
        "in_zero_point": convolution.input_zero_point,
        "zero_point": convolution.output_zero_point,
        "low": convolution.clamp_min,
        "high": convolution.clamp_max,
    }


KERNELS.register("depthwise_few_helium")(DepthwiseFewHelium())
