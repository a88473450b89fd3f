"""DEPTHWISE_CONV_2D of 3x3 on the DSP extension: weights stay in registers for a whole channel."""

from __future__ import annotations

import numpy as np

from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.convolution import Convolution, convolution_of
from edgebuild.export.c.graph import Node
from edgebuild.export.c.kernel import KERNELS, Kernel
from edgebuild.export.c.kernels.dsp.plane import (
    Plane,
    define_row,
    emit_planes,
    join_columns,
    plane_overlap,
    scaling_for,
)
from edgebuild.export.c.kernels.dsp.requantize import scaling_of

LARGEST_OFFSET = 1020
"""Bytes: how far LDRD reaches; two rows of a plane, and eight bytes more, must lie within."""


class Depthwise3x3Dsp(Kernel):
    """A window of 3x3."""

    ops = ("DEPTHWISE_CONV_2D",)
    features = frozenset({"dsp"})

    def supports(self, node: Node) -> bool:
        """3x3 without gaps, stride 1 or 2 along a row, at most 251 values in a row."""
        convolution = convolution_of(node)
        plane = plane_3x3(convolution)
        return (
            (convolution.kernel_h, convolution.kernel_w, convolution.dilation_h, convolution.dilation_w) == (3, 3, 1, 1)
            and convolution.stride_w in {1, 2}
            and convolution.out_w > 1
            and 4 * plane.pitch + 8 <= LARGEST_OFFSET
            and plane.fits
            and convolution.weight_bits == 8
            and scaling_of(convolution) is not None
        )

    def scratch_bytes(self, node: Node) -> int:
        """One plane."""
        return plane_3x3(convolution_of(node)).bytes

    def overlap(self, node: Node, index: int) -> int | None:
        """In place, where the number of channels divides the alignment of buffers."""
        return plane_overlap(convolution_of(node)) if index == 0 else None

    def cost(self, node: Node) -> float:
        """Measured on KWS and VWW: 14.5 a value (stride 2: 15.5), 3.2 a value read, 80 a channel."""
        convolution = convolution_of(node)
        per_value = 14.5 if convolution.stride_w == 1 else 15.5
        return per_value * node.output.elements + 3.2 * node.input.elements + 80 * convolution.out_c

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call of the shared code per image."""
        convolution = convolution_of(node)
        plane = plane_3x3(convolution)
        line, stride = 2 * plane.pitch, convolution.stride_w
        places = [line, 2 * line] if stride == 1 else [line, line + 8, 2 * line, 2 * line + 8]
        context.fragment("naked.c", "dsp/plane.c", "dsp/plane_rows.c", "dsp/depthwise3x3.c")
        rows = f"EB_PLANE_ROWS_BY_{stride}({_quoted(places)})"
        last = f"EB_PLANE_ONE({_quoted([line, 2 * line])}"
        row = define_row(plane, context, "3x3", '""', rows, "", last)
        stream = stream_3x3(convolution)
        return emit_planes(plane, context, ("eb_dsp_channel_3x3", row), stream, "0")


def plane_3x3(convolution: Convolution) -> Plane:
    """Rows end with the four values that the last window reads."""
    reach = (convolution.out_w - 1) * convolution.stride_w + 4
    return Plane(convolution, (reach + 1) // 2 * 2)


def stream_3x3(convolution: Convolution) -> np.ndarray:
    """int8 [out_c * 18]: twice the bias, multiplier, weights, right shift - 1."""
    scaling = scaling_for(convolution)
    return join_columns(
        (2 * convolution.folded_bias).astype("<i4"),
        scaling.multipliers.astype("<i4"),
        convolution.weights_by_channel.astype(np.int8),
        (scaling.shifts - 1).astype(np.int8),
    )


def _quoted(numbers: list[int]) -> str:
    return ", ".join(f'"{number}"' for number in numbers)


KERNELS.register("depthwise_3x3_dsp")(Depthwise3x3Dsp())
