"""ADD and SUB in plain C, with broadcasting."""

from __future__ import annotations

from edgebuild.export.c.activation import clamp_of
from edgebuild.export.c.broadcast import broadcast_runs
from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.fixed_point import quantize_multiplier
from edgebuild.export.c.graph import Node
from edgebuild.export.c.initializer import initializer
from edgebuild.export.c.kernel import KERNELS, Kernel


class SumPlain(Kernel):
    """Both inputs are scaled in 32 bits, added and scaled again."""

    ops = ("ADD",)

    def supports(self, node: Node) -> bool:
        """All forms."""
        return True

    def overlap(self, node: Node, index: int) -> int | None:
        """In place over an input that has the output's shape."""
        tensor = node.inputs[index]
        return 0 if tensor is not None and tensor.elements == node.output.elements else None

    def cost(self, node: Node) -> float:
        """About 40 instructions a value."""
        return 40.0 * node.output.elements

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call of the shared loop per run."""
        first, second = node.inputs[:2]
        assert first is not None
        assert second is not None
        context.fragment("requantize.c", "plain/elementwise.c")
        largest = 2 * max(first.scale, second.scale)
        a = quantize_multiplier(first.scale / largest)
        b = quantize_multiplier(second.scale / largest)
        out = quantize_multiplier(largest / ((1 << 20) * node.output.scale))
        low, high = clamp_of(node)
        table = {
            "multiplier_a": a.value,
            "multiplier_b": b.value,
            "multiplier": out.value,
            "right_a": -a.shift,
            "right_b": -b.shift,
            "right": -out.shift,
            "zero_point_a": first.zero_point,
            "zero_point_b": second.zero_point,
            "zero_point": node.output.zero_point,
            "low": low,
            "high": high,
        }
        call = broadcast_runs("eb_sum_run(&g, {a}, {step_a}, {b}, {step_b}, {out}, {count});", node, context)
        return f"{initializer('eb_sum', 'g', table)}\n{call}"


KERNELS.register("sum_plain")(SumPlain())
