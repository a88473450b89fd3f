"""DEPTHWISE_CONV_2D of any window on the DSP extension: two neighbouring windows share the values they read."""

from __future__ import annotations

import numpy as np

from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.convolution import Convolution, convolution_of
from edgebuild.export.c.graph import Node
from edgebuild.export.c.initializer import initializer
from edgebuild.export.c.kernel import KERNELS, Kernel
from edgebuild.export.c.kernels.dsp.plane import (
    LARGEST_IMMEDIATE,
    Plane,
    define_row,
    emit_planes,
    join_columns,
    plane_overlap,
    scaling_for,
)
from edgebuild.export.c.kernels.dsp.requantize import scaling_of

LARGEST_WINDOW = 64
"""Words of two neighbouring windows: all are unrolled."""

UNROLLED_WORDS = 24
"""Words in one round of the loop over a row, where they are several windows'."""

LARGEST_STREAM = 255
"""Bytes of one channel in the stream."""


class DepthwiseDsp(Kernel):
    """Any window, gaps included: they are weights of 0."""

    ops = ("DEPTHWISE_CONV_2D",)
    features = frozenset({"dsp"})

    def supports(self, node: Node) -> bool:
        """Windows of at most 64 words and rows whose offsets fit the instructions."""
        convolution = convolution_of(node)
        plane = plane_of(convolution)
        reach = 2 * plane.pitch * (convolution.kernel_h - 1) * convolution.dilation_h + 4 * words_of(convolution)
        return (
            convolution.kernel_h * words_of(convolution) <= LARGEST_WINDOW
            and convolution.depth + 9 <= LARGEST_STREAM
            and reach <= LARGEST_IMMEDIATE
            and plane.fits
            and convolution.weight_bits == 8
            and scaling_of(convolution) is not None
        )

    def scratch_bytes(self, node: Node) -> int:
        """A channel's weights, and one plane."""
        return plane_of(convolution_of(node)).bytes

    def overlap(self, node: Node, index: int) -> int | None:
        """In place, where the number of channels divides the alignment of buffers."""
        return plane_overlap(convolution_of(node)) if index == 0 else None

    def cost(self, node: Node) -> float:
        """Two instructions a word of a window for each value, 9 a value, 12 a weight, 3.2 a value read."""
        convolution = convolution_of(node)
        words = convolution.kernel_h * words_of(convolution)
        values = (
            convolution.batches * convolution.out_h * (convolution.out_w + convolution.out_w % 2) * convolution.out_c
        )
        weights = convolution.batches * convolution.out_c * (12 * convolution.depth + 100)
        return (2.0 * words + 9) * values + 3.2 * node.input.elements + weights

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call of the shared code per image."""
        convolution = convolution_of(node)
        plane, words = plane_of(convolution), words_of(convolution)
        context.fragment("naked.c", "dsp/plane.c", "dsp/plane_rows.c", "dsp/depthwise_any.c")
        places = [
            (2 * plane.pitch * convolution.dilation_h * ky + 4 * word, 8 * (words * ky + word))
            for ky in range(convolution.kernel_h)
            for word in range(words)
        ]
        rows = " ".join(f'EB_PLANE_WORD("{place}", "{weights}")' for place, weights in places)
        window = f"{convolution.kernel_h}x{words}" + (
            f"_{convolution.dilation_h}" if convolution.dilation_h > 1 else ""
        )
        enter = f'"sub r10, r0, #{plane.before}\\n"'
        forward = f'EB_PLANE_FORWARD("{4 * convolution.stride_w}")'
        row = define_row(plane, context, window, enter, rows, forward, f"EB_PLANE_LAST({rows}")
        names = ("kernel_h", "kernel_w", "dilation_w", "stride_w")
        members = {name: getattr(convolution, name) for name in names} | {"words": words}
        layer = emit_planes(plane, context, ("eb_dsp_channel_any", row), stream_any(convolution), "&taps")
        return initializer("eb_dsp_taps", "taps", members) + "\n" + layer


def words_of(convolution: Convolution) -> int:
    """Words of a row that two neighbouring windows cover together, from the first value of the first."""
    reach = (convolution.kernel_w - 1) * convolution.dilation_w + 1 + convolution.stride_w
    return (reach + 1) // 2


def plane_of(convolution: Convolution) -> Plane:
    """Rows end with what the last pair of windows covers, whole or not; before it lie the weights of both."""
    words = words_of(convolution)
    last = ((convolution.out_w + 1) // 2 - 1) * 2 * convolution.stride_w
    all_words = convolution.kernel_h * words
    return Plane(convolution, last + 2 * words, 8 * all_words, max(1, UNROLLED_WORDS // all_words))


def stream_any(convolution: Convolution) -> np.ndarray:
    """int8: twice the bias, multiplier, right shift - 1, weights."""
    scaling = scaling_for(convolution)
    return join_columns(
        (2 * convolution.folded_bias).astype("<i4"),
        scaling.multipliers.astype("<i4"),
        (scaling.shifts - 1).astype(np.int8),
        convolution.weights_by_channel.astype(np.int8),
    )


KERNELS.register("depthwise_dsp")(DepthwiseDsp())
