"""CONV_2D and FULLY_CONNECTED in plain C: shared code, told the geometry by a table."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from edgebuild.export.c.channel_tables import channel_tables
from edgebuild.export.c.codebook import codebook_of, fits_codebook
from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.convolution import Convolution, convolution_of
from edgebuild.export.c.graph import Node
from edgebuild.export.c.initializer import initializer
from edgebuild.export.c.kernel import KERNELS, Kernel

PIXELS = 2
"""Output pixels whose windows are multiplied at a time."""


def _tables(convolution: Convolution, context: LayerContext, weights: np.ndarray) -> dict[str, object]:
    return channel_tables(convolution, context, weights=weights, bias=convolution.folded_bias)


def _matrix(convolution: Convolution, tables: dict[str, object]) -> dict[str, object]:
    return {
        **tables,
        "channels": convolution.out_c // convolution.groups,
        "depth": convolution.depth,
        "zero_point": convolution.output_zero_point,
        "low": convolution.clamp_min,
        "high": convolution.clamp_max,
    }


def _product_cost(convolution: Convolution) -> float:
    """About 2.5 instructions a product and 20 a value; an odd row is computed twice."""
    rows = convolution.batches * convolution.out_h * convolution.out_w
    return (2.5 * convolution.macs + 20 * rows * convolution.out_c) * (rows + rows % 2) / rows


class PointwisePlain(Kernel):
    """A convolution of one pixel, or a matrix product: rows of the input times rows of the weights."""

    ops = ("CONV_2D", "FULLY_CONNECTED")

    def supports(self, node: Node) -> bool:
        """Needs neither padding, stride nor groups."""
        convolution = convolution_of(node)
        return convolution.is_pointwise and convolution.weight_bits == 8

    def overlap(self, node: Node, index: int) -> int | None:
        """Two pixels at a time; a channel is written before the next is computed."""
        return convolution_of(node).pixel_overlap(2) if index == 0 else None

    def cost(self, node: Node) -> float:
        """About 2.5 instructions a product."""
        convolution = convolution_of(node)
        return _product_cost(convolution)

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call of the shared product."""
        convolution = convolution_of(node)
        context.fragment("requantize.c", "plain/matrix.c", "plain/rows.c", "plain/product_rows.c")
        table = initializer("eb_matrix", "m", _matrix(convolution, _tables(convolution, context, convolution.weights)))
        rows = convolution.batches * convolution.out_h * convolution.out_w
        return f"{table}\neb_product(&m, {context.input()}, {context.output()}, {rows});"


class RowPlain(Kernel):
    """A matrix product of one row, or a convolution of one pixel."""

    ops = ("CONV_2D", "FULLY_CONNECTED")

    def supports(self, node: Node) -> bool:
        """One row, weights of 8 bits."""
        convolution = convolution_of(node)
        one = convolution.batches * convolution.out_h * convolution.out_w == 1
        return one and convolution.is_pointwise and convolution.weight_bits == 8

    def cost(self, node: Node) -> float:
        """About 2.8 instructions a product."""
        return 2.8 * convolution_of(node).macs + 20 * node.output.elements

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call."""
        convolution = convolution_of(node)
        context.fragment("requantize.c", "plain/matrix.c", "plain/row.c")
        table = _matrix(convolution, _tables(convolution, context, convolution.weights))
        return f"{initializer('eb_matrix', 'm', table)}\neb_row(&m, {context.input()}, {context.output()});"


class ConvolutionPlain(Kernel):
    """Any convolution: the windows of two pixels are copied to rows, and the rows are multiplied."""

    ops: ClassVar[tuple[str, ...]] = ("CONV_2D",)

    def supports(self, node: Node) -> bool:
        """Weights of 8 bits."""
        return convolution_of(node).weight_bits == 8

    def scratch_bytes(self, node: Node) -> int:
        """The rows."""
        return PIXELS * convolution_of(node).depth

    def overlap(self, node: Node, index: int) -> int | None:
        """The pixels are read before one is written; with groups, the second group reads later."""
        convolution = convolution_of(node)
        if index != 0 or convolution.groups > 1:
            return None
        return convolution.pixel_overlap(PIXELS, reads_first=True)

    def cost(self, node: Node) -> float:
        """The product, and the copies."""
        convolution = convolution_of(node)
        copies = convolution.groups * convolution.depth * convolution.out_h * convolution.out_w
        return _product_cost(convolution) + 2.0 * copies

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call of the shared convolution per image and group."""
        context.fragment("requantize.c", "plain/matrix.c", "plain/rows.c", "plain/window.c", "plain/geometry.c")
        context.fragment("plain/convolution.c")
        convolution = convolution_of(node)
        return _calls("eb_convolve(&g{group}, {places});", convolution, context, convolution.weights)


class ConvolutionCodebookPlain(ConvolutionPlain):
    """The same with weights of 4 bits: half the flash, more instructions; matrix products too."""

    ops = ("CONV_2D", "FULLY_CONNECTED")
    has_codebook = True

    def supports(self, node: Node) -> bool:
        """At most 16 distinct weights, which all 4-bit weights are."""
        return fits_codebook(convolution_of(node))

    def cost(self, node: Node) -> float:
        """Taken where weights are stored with 4 bits, or on demand."""
        return 2 * super().cost(node)

    def weight_bytes(self, node: Node) -> int:
        """Half a byte each, and the table."""
        values, indices = codebook_of(convolution_of(node))
        return values.size + indices.size

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call of the shared convolution per image and group."""
        context.fragment("requantize.c", "plain/matrix.c", "plain/window.c", "plain/geometry.c", "plain/codebook.c")
        convolution = convolution_of(node)
        values, indices = codebook_of(convolution)
        symbol = context.constant("values", values, "weights")
        call = f"eb_convolve_codebook(&g{{group}}, {symbol}, {{places}});"
        return _calls(call, convolution, context, indices)


def _calls(call: str, convolution: Convolution, context: LayerContext, weights: np.ndarray) -> str:
    """The geometry of every group, and a call for every image and group; `weights` as they are stored."""
    tables = _tables(convolution, context, weights)
    per_group = convolution.out_c // convolution.groups
    row_bytes = weights.size // convolution.out_c
    lines = []
    for group in range(convolution.groups):
        first = group * per_group
        moved = {name: f"{symbol} + {first}" if first else symbol for name, symbol in tables.items()}
        if first:
            moved["weights"] = f"{tables['weights']} + {first * row_bytes}"
        lines.append(initializer("eb_convolution", f"g{group}", _geometry(convolution, moved)))
    for image in range(convolution.batches):
        for group in range(convolution.groups):
            skip_in = image * convolution.in_h * convolution.in_w * convolution.in_c
            skip_in += group * (convolution.in_c // convolution.groups)
            skip_out = image * convolution.out_h * convolution.out_w * convolution.out_c + group * per_group
            places = f"{context.input()} + {skip_in}, {context.output()} + {skip_out}, {context.scratch()}"
            lines.append(call.format(group=group, places=places))
    return "\n".join(lines)


def _geometry(convolution: Convolution, tables: dict[str, object]) -> dict[str, object]:
    return {
        "window": {
            "in_h": convolution.in_h,
            "in_w": convolution.in_w,
            "in_c": convolution.in_c,
            "kernel_h": convolution.kernel_h,
            "kernel_w": convolution.kernel_w,
            "dilation_h": convolution.dilation_h,
            "dilation_w": convolution.dilation_w,
            "depth": convolution.in_c // convolution.groups,
            "zero_point": convolution.input_zero_point,
        },
        "matrix": _matrix(convolution, tables),
        **{name: getattr(convolution, name) for name in ("out_h", "out_w", "out_c", "stride_h", "stride_w")},
        "pad_top": convolution.pad_top,
        "pad_left": convolution.pad_left,
    }


KERNELS.register("pointwise_plain")(PointwisePlain())
KERNELS.register("row_plain")(RowPlain())
KERNELS.register("convolution_plain")(ConvolutionPlain())
KERNELS.register("convolution_codebook_plain")(ConvolutionCodebookPlain())
