"""ADD, SUB, MUL and PRELU in plain C, with broadcasting."""

from __future__ import annotations

from typing import ClassVar

from edgebuild.export.c.activation import clamp_of
from edgebuild.export.c.broadcast import broadcast_runs
from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.fixed_point import quantize_multiplier
from edgebuild.export.c.graph import Node, Tensor
from edgebuild.export.c.initializer import initializer
from edgebuild.export.c.kernel import KERNELS, Kernel


def operands(node: Node) -> tuple[Tensor, Tensor]:
    """Both inputs."""
    first, second = node.inputs[:2]
    assert first is not None
    assert second is not None
    return first, second


class _Binary(Kernel):
    """What all of them have in common."""

    def supports(self, node: Node) -> bool:
        """All forms."""
        return True

    def overlap(self, node: Node, index: int) -> int | None:
        """In place over an input that has the output's shape."""
        tensor = node.inputs[index]
        return 0 if tensor is not None and tensor.elements == node.output.elements else None


def sum_members(node: Node) -> dict[str, int]:
    """The members of `struct eb_sum`, for ADD and SUB."""
    first, second = operands(node)
    largest = 2 * max(first.scale, second.scale)
    a = quantize_multiplier(first.scale / largest)
    b = quantize_multiplier(second.scale / largest)
    out = quantize_multiplier(largest / ((1 << 20) * node.output.scale))
    low, high = clamp_of(node)
    return {
        "multiplier_a": a.value,
        "multiplier_b": b.value,
        "multiplier": out.value,
        "right_a": -a.shift,
        "right_b": -b.shift,
        "right": -out.shift,
        "sign": 1 if node.op == "ADD" else -1,
        "zero_point_a": first.zero_point,
        "zero_point_b": second.zero_point,
        "zero_point": node.output.zero_point,
        "low": low,
        "high": high,
    }


def product_members(node: Node) -> dict[str, int]:
    """The members of `struct eb_times`, for MUL and PRELU."""
    first, second = operands(node)
    both = quantize_multiplier(first.scale * second.scale / node.output.scale)
    one = quantize_multiplier(first.scale / node.output.scale)
    low, high = clamp_of(node)
    return {
        "multiplier": both.value,
        "multiplier_positive": one.value,
        "right": -both.shift,
        "right_positive": -one.shift,
        "keep_positive": int(node.op == "PRELU"),
        "zero_point_a": first.zero_point,
        "zero_point_b": second.zero_point,
        "zero_point": node.output.zero_point,
        "low": low,
        "high": high,
    }


class SumPlain(_Binary):
    """Both inputs are scaled in 32 bits, added and scaled again."""

    ops = ("ADD", "SUB")

    def cost(self, node: Node) -> float:
        """About 28 instructions a value."""
        return 28.0 * node.output.elements

    def emit(self, node: Node, context: LayerContext) -> str:
        """One loop per run."""
        context.fragment("requantize.c", "plain/sum_members.c", "plain/sum.c")
        call = broadcast_runs("eb_sum_run(g, {a}, {step_a}, {b}, {step_b}, {out}, {count});", node, context)
        return f"{initializer('eb_sum', 'g', sum_members(node))}\n{call}"


class ProductPlain(_Binary):
    """The product of the inputs is scaled once; PRELU scales positive values by themselves."""

    ops: ClassVar[tuple[str, ...]] = ("MUL", "PRELU")

    def cost(self, node: Node) -> float:
        """About 22 instructions a value."""
        return 22.0 * node.output.elements

    def emit(self, node: Node, context: LayerContext) -> str:
        """One loop per run."""
        context.fragment("requantize.c", "plain/product_members.c", "plain/product.c")
        call = broadcast_runs("eb_product_run(g, {a}, {step_a}, {b}, {step_b}, {out}, {count});", node, context)
        return f"{initializer('eb_times', 'g', product_members(node))}\n{call}"


KERNELS.register("sum_plain")(SumPlain())
KERNELS.register("product_plain")(ProductPlain())
