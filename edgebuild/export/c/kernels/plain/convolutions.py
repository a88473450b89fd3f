"""CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED in plain C: shared code, told the geometry by a table."""

from __future__ import annotations

from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.convolution import Convolution, convolution_of
from edgebuild.export.c.graph import Node
from edgebuild.export.c.initializer import initializer
from edgebuild.export.c.kernel import KERNELS, Kernel


def channel_tables(convolution: Convolution, context: LayerContext) -> dict[str, str]:
    """Symbols of the weights, folded bias, multipliers and right shifts, by the names of the C structs' members."""
    return {
        "weights": context.constant("weights", convolution.weights, "weights"),
        "bias": context.constant("bias", convolution.folded_bias.astype("int32"), "weights"),
        "multiplier": context.constant("multiplier", convolution.multiplier_values),
        "right": context.constant("right", convolution.right_shifts),
    }


def _matrix(convolution: Convolution, tables: dict[str, str]) -> dict[str, object]:
    return {
        **tables,
        "channels": convolution.out_c // convolution.groups,
        "depth": convolution.depth,
        "zero_point": convolution.output_zero_point,
        "low": convolution.clamp_min,
        "high": convolution.clamp_max,
    }


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
        return 2.5 * convolution.macs + 20 * node.output.elements

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call of the shared product."""
        convolution = convolution_of(node)
        context.fragment("requantize.c", "plain/matrix.c")
        table = initializer("eb_matrix", "m", _matrix(convolution, channel_tables(convolution, context)))
        rows = convolution.batches * convolution.out_h * convolution.out_w
        return f"{table}\neb_product(&m, {context.input()}, {context.output()}, {rows});"


class ConvolutionPlain(Kernel):
    """Any convolution: the window of each pixel is copied to a row, and the rows are multiplied."""

    ops = ("CONV_2D",)

    def supports(self, node: Node) -> bool:
        """All but 4-bit weights."""
        return convolution_of(node).weight_bits == 8

    def scratch_bytes(self, node: Node) -> int:
        """Two rows."""
        return 2 * convolution_of(node).depth

    def overlap(self, node: Node, index: int) -> int | None:
        """Two pixels are read before either is written; with groups, the second group reads later."""
        convolution = convolution_of(node)
        return convolution.pixel_overlap(2, reads_first=True) if index == 0 and convolution.groups == 1 else None

    def cost(self, node: Node) -> float:
        """The product, and the copies."""
        convolution = convolution_of(node)
        copies = convolution.groups * convolution.depth * convolution.out_h * convolution.out_w
        return 2.5 * convolution.macs + 20 * node.output.elements + 2.0 * copies

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call of the shared convolution per image and group."""
        convolution = convolution_of(node)
        context.fragment("requantize.c", "plain/matrix.c", "plain/window.c", "plain/convolution.c")
        tables = channel_tables(convolution, context)
        per_group = convolution.out_c // convolution.groups
        lines = []
        for group in range(convolution.groups):
            first = group * per_group
            moved = {name: f"{symbol} + {first}" if first else symbol for name, symbol in tables.items()}
            if first:
                moved["weights"] = f"{tables['weights']} + {first * convolution.depth}"
            lines.append(initializer("eb_convolution", f"g{group}", _geometry(convolution, moved)))
        for image in range(convolution.batches):
            for group in range(convolution.groups):
                skip_in = image * convolution.in_h * convolution.in_w * convolution.in_c
                skip_in += group * (convolution.in_c // convolution.groups)
                skip_out = image * convolution.out_h * convolution.out_w * convolution.out_c + group * per_group
                lines.append(
                    f"eb_convolve(&g{group}, {context.input()} + {skip_in}, {context.output()} + {skip_out},"
                    f" {context.scratch()});"
                )
        return "\n".join(lines)


def _geometry(convolution: Convolution, tables: dict[str, str]) -> dict[str, object]:
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


class DepthwisePlain(Kernel):
    """A depthwise convolution, with a loop of its own for pixels that touch no padding."""

    ops = ("DEPTHWISE_CONV_2D",)

    def supports(self, node: Node) -> bool:
        """All but 4-bit weights."""
        return convolution_of(node).weight_bits == 8

    def overlap(self, node: Node, index: int) -> int | None:
        """A pixel at a time, channel by channel."""
        return convolution_of(node).pixel_overlap() if index == 0 else None

    def cost(self, node: Node) -> float:
        """About 7 instructions a product."""
        return 7.0 * convolution_of(node).macs + 25 * node.output.elements

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call of the shared code per image."""
        convolution = convolution_of(node)
        context.fragment("requantize.c", "plain/depthwise.c")
        geometry: dict[str, object] = {**channel_tables(convolution, context)}
        for axis in ("in_h", "in_w", "in_c", "out_h", "out_w", "out_c", "kernel_h", "kernel_w", "stride_h", "stride_w"):
            geometry[axis] = getattr(convolution, axis)
        geometry |= {
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
            lines.append(f"eb_depthwise_convolve(&g, {context.input()} + {skip_in}, {context.output()} + {skip_out});")
        return "\n".join(lines)


KERNELS.register("pointwise_plain")(PointwisePlain())
KERNELS.register("convolution_plain")(ConvolutionPlain())
KERNELS.register("depthwise_plain")(DepthwisePlain())
