"""TRANSPOSE_CONV in plain C, without the 32-bit image of sums that scattering would need."""

from __future__ import annotations

from edgebuild.export.c.channel_tables import channel_tables
from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.convolution import convolution_of
from edgebuild.export.c.graph import Node
from edgebuild.export.c.initializer import initializer
from edgebuild.export.c.kernel import KERNELS, Kernel

TAP_BYTES = 16
"""Room for a `struct eb_tap` on any machine."""


class TransposeConvolutionPlain(Kernel):
    """Every output value collects its products."""

    ops = ("TRANSPOSE_CONV",)

    def supports(self, node: Node) -> bool:
        """All forms; 4-bit weights are stored as 8."""
        return True

    def scratch_bytes(self, node: Node) -> int:
        """A pointer and a number for every tap of a pixel."""
        convolution = convolution_of(node)
        rows = -(-convolution.kernel_h // convolution.stride_h)
        return TAP_BYTES * rows * -(-convolution.kernel_w // convolution.stride_w)

    def cost(self, node: Node) -> float:
        """About 5 instructions a product."""
        return 5.0 * convolution_of(node).macs

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call of the shared code per image."""
        convolution = convolution_of(node)
        context.fragment("requantize.c", "plain/transpose_convolution.c")
        names = ("in_h", "in_w", "in_c", "out_h", "out_w", "out_c", "kernel_h", "kernel_w", "stride_h", "stride_w")
        table: dict[str, object] = {
            **channel_tables(convolution, context, weights=convolution.weights, bias=convolution.bias),
            **{name: getattr(convolution, name) for name in names},
            "pad_top": convolution.pad_top,
            "pad_left": convolution.pad_left,
            "in_zero_point": convolution.input_zero_point,
            "zero_point": convolution.output_zero_point,
        }
        lines = [initializer("eb_transpose_convolution", "g", table)]
        for image in range(convolution.batches):
            skip_in = image * convolution.in_h * convolution.in_w * convolution.in_c
            skip_out = image * convolution.out_h * convolution.out_w * convolution.out_c
            places = f"{context.input()} + {skip_in}, {context.output()} + {skip_out}"
            lines.append(f"eb_transpose_convolve(&g, {places}, {context.scratch('struct eb_tap')});")
        return "\n".join(lines)


KERNELS.register("transpose_convolution_plain")(TransposeConvolutionPlain())
