"""MEAN over any axes in plain C."""

from __future__ import annotations

import math

from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.fixed_point import Multiplier, quantize_multiplier
from edgebuild.export.c.graph import Node
from edgebuild.export.c.initializer import initializer
from edgebuild.export.c.kernel import KERNELS, Kernel
from edgebuild.export.c.shapes import reduced_axes, reduction_groups


def mean_multiplier(real: float, count: int) -> Multiplier:
    """The factor of a sum of `count` values: the division is put into the multiplier, which is cut off, not rounded."""
    factor = quantize_multiplier(real)
    shift = min(count.bit_length() - 1, 32, 31 + factor.shift)
    return Multiplier((factor.value << shift) // count, factor.shift - shift)


class MeanPlain(Kernel):
    """Sums, scaled."""

    ops = ("MEAN",)

    def supports(self, node: Node) -> bool:
        """Axes that form at most two groups of neighbours, which all axes of up to four do."""
        return reduction_groups(node) is not None

    def cost(self, node: Node) -> float:
        """About 5 instructions a value."""
        return 5.0 * node.input.elements + 30 * node.output.elements

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call."""
        groups = reduction_groups(node)
        assert groups is not None
        context.fragment("requantize.c", "plain/mean.c")
        count = math.prod(node.input.shape[axis] for axis in reduced_axes(node))
        factor = mean_multiplier(node.input.scale / node.output.scale, count)
        table = {
            "multiplier": factor.value,
            "offset": node.input.zero_point * count,
            "right": -factor.shift,
            "zero_point": node.output.zero_point,
            **dict(zip(("outer", "first", "middle", "second", "inner"), groups, strict=True)),
        }
        return f"{initializer('eb_mean', 'g', table)}\neb_means(&g, {context.input()}, {context.output()});"


KERNELS.register("mean_plain")(MeanPlain())
