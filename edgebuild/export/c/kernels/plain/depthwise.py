"""DEPTHWISE_CONV_2D in plain C: shared code, told the geometry by a table."""

from __future__ import annotations

import numpy as np

from edgebuild.export.c.channel_tables import channel_tables
from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.convolution import Convolution, convolution_of
from edgebuild.export.c.graph import Node
from edgebuild.export.c.initializer import initializer
from edgebuild.export.c.kernel import KERNELS, Kernel

POINTER_BYTES = 8
"""Room for a pointer on any machine."""


def _padding_bytes(convolution: Convolution) -> int:
    """A row of zero points, rounded up so that pointers may follow it."""
    return -(-convolution.in_c // POINTER_BYTES) * POINTER_BYTES


class DepthwisePlain(Kernel):
    """Any kernel, dilation and number of output channels per input channel."""

    ops = ("DEPTHWISE_CONV_2D",)

    def supports(self, node: Node) -> bool:
        """All forms; 4-bit weights are stored as 8."""
        return True

    def overlap(self, node: Node, index: int) -> int | None:
        """A pixel at a time, channel by channel."""
        return convolution_of(node).pixel_overlap() if index == 0 else None

    def scratch_bytes(self, node: Node) -> int:
        """A row of padding, and a pointer per tap."""
        convolution = convolution_of(node)
        return _padding_bytes(convolution) + POINTER_BYTES * convolution.depth

    def cost(self, node: Node) -> float:
        """About 9 instructions a product, 25 a value and 15 a tap of every pixel."""
        convolution = convolution_of(node)
        pixels = convolution.batches * convolution.out_h * convolution.out_w
        return 9.0 * convolution.macs + 25 * node.output.elements + 15 * convolution.depth * pixels

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call of the shared code per image."""
        context.fragment("requantize.c", "plain/depthwise.c", "plain/depthwise_any.c")
        convolution = convolution_of(node)
        places = f"{context.scratch()}, (const int8_t **)(void *)({context.scratch()} + {_padding_bytes(convolution)})"
        return _calls(f"eb_depthwise_any(&g, {{places}}, {places});", convolution, context)


class Depthwise9Plain(DepthwisePlain):
    """A kernel of 3x3 and one output channel per input channel."""

    def supports(self, node: Node) -> bool:
        """Any stride, padding and dilation."""
        convolution = convolution_of(node)
        return (convolution.kernel_h, convolution.kernel_w, convolution.depth_multiplier) == (3, 3, 1)

    def scratch_bytes(self, node: Node) -> int:
        """A row of padding."""
        return convolution_of(node).in_c

    def cost(self, node: Node) -> float:
        """About 4 instructions a product, 30 a value and 15 a tap of every pixel."""
        convolution = convolution_of(node)
        pixels = convolution.batches * convolution.out_h * convolution.out_w
        return 4.0 * convolution.macs + 30 * node.output.elements + 15 * convolution.depth * pixels

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call of the shared code per image."""
        context.fragment("requantize.c", "plain/depthwise.c", "plain/depthwise_9.c")
        return _calls(f"eb_depthwise_9(&g, {{places}}, {context.scratch()});", convolution_of(node), context)


def _calls(call: str, convolution: Convolution, context: LayerContext) -> str:
    """The geometry, and a call per image."""
    weights = np.ascontiguousarray(convolution.weights.reshape(-1, convolution.out_c).T)
    axes = ("in_h", "in_w", "in_c", "out_h", "out_w", "out_c", "kernel_h", "kernel_w", "stride_h", "stride_w")
    geometry: dict[str, object] = {
        **channel_tables(convolution, context, weights=weights, bias=convolution.folded_bias),
        **{axis: getattr(convolution, axis) for axis in axes},
        "dilation_h": convolution.dilation_h,
        "dilation_w": convolution.dilation_w,
        "factor": convolution.depth_multiplier,
        "pad_top": convolution.pad_top,
        "pad_left": convolution.pad_left,
        "in_zero_point": convolution.input_zero_point,
        "zero_point": convolution.output_zero_point,
        "low": convolution.clamp_min,
        "high": convolution.clamp_max,
    }
    lines = [initializer("eb_depthwise", "g", geometry)]
    for image in range(convolution.batches):
        skip_in = image * convolution.in_h * convolution.in_w * convolution.in_c
        skip_out = image * convolution.out_h * convolution.out_w * convolution.out_c
        places = f"{context.input()} + {skip_in}, {context.output()} + {skip_out}"
        lines.append(call.format(places=places))
    return "\n".join(lines)


KERNELS.register("depthwise_plain")(DepthwisePlain())
KERNELS.register("depthwise_9_plain")(Depthwise9Plain())
