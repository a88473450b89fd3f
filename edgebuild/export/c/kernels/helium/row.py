"""FULLY_CONNECTED of one row on Helium: every weight is used once."""

from __future__ import annotations

import numpy as np

from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.convolution import convolution_of
from edgebuild.export.c.graph import Node
from edgebuild.export.c.kernel import KERNELS, Kernel
from edgebuild.export.c.kernels.dsp.requantize import scaling_of

CHANNELS = 4
"""Output channels at a time."""

LANES = 16
"""Bytes in a vector."""


class RowHelium(Kernel):
    """One row times a matrix."""

    ops = ("CONV_2D", "FULLY_CONNECTED")
    features = frozenset({"helium"})

    def supports(self, node: Node) -> bool:
        """One pixel or row, at least four channels, shifts of common sizes."""
        convolution = convolution_of(node)
        return (
            convolution.is_pointwise
            and convolution.batches * convolution.out_h * convolution.out_w == 1
            and convolution.out_c >= CHANNELS
            and convolution.weight_bits == 8
            and scaling_of(convolution) is not None
        )

    def scratch_bytes(self, node: Node) -> int:
        """The sums of all channels."""
        return 4 * convolution_of(node).out_c

    def cost(self, node: Node) -> float:
        """Ten instructions for a vector of the row and four channels, 35 for four values."""
        convolution = convolution_of(node)
        groups = -(-convolution.out_c // CHANNELS)
        return groups * (10.0 * -(-convolution.in_c // LANES) + 35) + 60

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call."""
        convolution = convolution_of(node)
        scaling = scaling_of(convolution)
        assert scaling is not None
        context.fragment("naked.c", "helium/row.c")
        weights = context.constant("weights", convolution.weights_by_channel.astype(np.int8), "weights")
        sums = context.scratch("int32_t")
        members = {
            "sums": sums,
            "multiplier": context.constant("multiplier", scaling.multipliers.astype(np.int32)),
            "shift": context.constant("shift", (-scaling.shifts).astype(np.int8)),
            "bias": context.constant("bias", convolution.folded_bias.astype(np.int32), "weights"),
            "out": context.output(),
            "count": convolution.out_c,
            "zero_point": convolution.output_zero_point,
            "low": convolution.clamp_min,
            "high": convolution.clamp_max,
        }
        values = ", ".join(f".{name} = {value}" for name, value in members.items())
        return (
            f"const struct eb_mve_row_end end = {{{values}}};\n"
            f"eb_mve_row_product({weights}, {context.input()}, {convolution.in_c}, &end, {sums});"
        )


KERNELS.register("row_helium")(RowHelium())
