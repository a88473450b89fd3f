"""SOFTMAX in plain C: exponentials from a table that is computed here, as TFLite Micro computes them at run time."""

from __future__ import annotations

import math

import numpy as np

from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.fixed_point import (
    INT32_MAX,
    doubling_high_multiply,
    exp_of_negative,
    quantize_multiplier,
)
from edgebuild.export.c.graph import Node
from edgebuild.export.c.kernel import KERNELS, Kernel

INTEGER_BITS = 5
"""Integer bits of the differences to the largest value."""


def exponents(scale: float, beta: float) -> np.ndarray:
    """int32 [at most 256]: exp(-d * scale * beta) with 31 fractional bits, for d = 0, 1, ..., as long as it counts."""
    fraction_bits = 31 - INTEGER_BITS
    multiplier = quantize_multiplier(min(beta * scale * (1 << fraction_bits), INT32_MAX + 0.0))
    radius = math.floor(((1 << INTEGER_BITS) - 1) * (1 << fraction_bits) / (1 << multiplier.shift))
    below = np.arange(min(256, radius + 1), dtype=np.int64)
    scaled = doubling_high_multiply((-below << multiplier.shift).astype(np.int32), multiplier.value)
    return exp_of_negative(scaled, INTEGER_BITS).astype(np.int32)


class SoftmaxPlain(Kernel):
    """Over the last axis."""

    ops = ("SOFTMAX",)

    def supports(self, node: Node) -> bool:
        """All forms."""
        return True

    def overlap(self, node: Node, index: int) -> int | None:
        """In place: a value is read for the last time when its result is written."""
        return 0

    def cost(self, node: Node) -> float:
        """About 60 instructions a value, and the reciprocal."""
        return 60.0 * node.output.elements + 100

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call for all rows."""
        context.fragment("plain/softmax.c")
        table = exponents(node.input.scale, float(node.options.get("beta", 1.0)))
        depth = node.input.shape[-1]
        symbol = context.constant("exponents", table)
        rows = node.input.elements // depth
        return f"eb_softmax({symbol}, {table.size}, {context.input()}, {context.output()}, {rows}, {depth});"


KERNELS.register("softmax_plain")(SoftmaxPlain())
