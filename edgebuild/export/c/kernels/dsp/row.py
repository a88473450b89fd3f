"""FULLY_CONNECTED of one row on the DSP extension: every weight is used once."""

from __future__ import annotations

from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.convolution import Convolution, convolution_of
from edgebuild.export.c.graph import Node
from edgebuild.export.c.kernel import KERNELS, Kernel
from edgebuild.export.c.kernels.dsp.requantize import scaling_of
from edgebuild.export.c.kernels.dsp.stream import is_packable, steps_of, stream_constants


class RowDsp(Kernel):
    """One row times a matrix."""

    ops = ("CONV_2D", "FULLY_CONNECTED")
    features = frozenset({"dsp"})

    def supports(self, node: Node) -> bool:
        """One pixel or row of whole words, at least two channels, weights that can be packed."""
        convolution = convolution_of(node)
        return (
            convolution.is_pointwise
            and convolution.batches * convolution.out_h * convolution.out_w == 1
            and convolution.in_c % 4 == 0
            and convolution.out_c >= 2
            and convolution.weight_bits == 8
            and scaling_of(convolution) is not None
            and is_packable(convolution)
        )

    def scratch_bytes(self, node: Node) -> int:
        """The row as 16 bits."""
        return 2 * convolution_of(node).in_c

    def cost(self, node: Node) -> float:
        """Measured on AD: 1 a product, 25 a value, 2 a value of the row."""
        convolution = convolution_of(node)
        return convolution.out_c * (convolution.in_c + 25.0) + 2.0 * convolution.in_c

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call."""
        convolution = convolution_of(node)
        context.fragment("naked.c", "dsp/row.c")
        steps = steps_of(convolution)
        stream, last = stream_constants(convolution, 0, context)
        return (
            f"{_row(convolution, context)}\n"
            f"eb_dsp_row(&t, {steps}, {stream}, {last}, {context.input()}, {context.output()});"
        )


def _row(convolution: Convolution, context: LayerContext) -> str:
    """C of the structure; two of its members are addresses in the arena."""
    steps = steps_of(convolution)
    members = {
        "columns": context.scratch("int16_t"),
        "rounds": steps // 2,
        "is_odd": steps % 2,
        "end": f"{context.output()} + {convolution.out_c & ~1}",
        "twice_zero": 2 * convolution.output_zero_point + 1,
        "low": convolution.clamp_min,
        "high": convolution.clamp_max,
    }
    return f"const struct eb_dsp_row t = {{{', '.join(f'.{name} = {value}' for name, value in members.items())}}};"


KERNELS.register("row_dsp")(RowDsp())
