"""ADD, SUB, MUL and operations by table with Helium: four sums or products, or 16 values, per vector."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from edgebuild.export.c.broadcast import broadcast_runs
from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.graph import Node
from edgebuild.export.c.initializer import initializer
from edgebuild.export.c.kernel import KERNELS
from edgebuild.export.c.kernels.plain.elementwise import ProductPlain, SumPlain, product_members, sum_members
from edgebuild.export.c.kernels.plain.lookup import LookupPlain
from edgebuild.export.c.tables import table_of

HELIUM = frozenset({"helium"})


class SumHelium(SumPlain):
    """Sums of four values at a time."""

    features: ClassVar[frozenset[str]] = HELIUM

    def supports(self, node: Node) -> bool:
        """No factor of 1 or more, which would shift left."""
        members = sum_members(node)
        return min(members["right_a"], members["right_b"], members["right"]) >= 0

    def cost(self, node: Node) -> float:
        """About 7 instructions a value."""
        return 7.0 * node.output.elements

    def emit(self, node: Node, context: LayerContext) -> str:
        """One loop per run."""
        context.fragment("helium/scale.c", "plain/sum_members.c", "helium/sum.c")
        call = broadcast_runs("eb_mve_sum_run(g, {a}, {step_a}, {b}, {step_b}, {out}, {count});", node, context)
        return f"{initializer('eb_sum', 'g', sum_members(node))}\n{call}"


class ProductHelium(ProductPlain):
    """Products of four values at a time; PRELU stays as it is."""

    ops = ("MUL",)
    features: ClassVar[frozenset[str]] = HELIUM

    def supports(self, node: Node) -> bool:
        """No factor of 1 or more, which would shift left."""
        return product_members(node)["right"] >= 0

    def cost(self, node: Node) -> float:
        """About 5 instructions a value."""
        return 5.0 * node.output.elements

    def emit(self, node: Node, context: LayerContext) -> str:
        """One loop per run."""
        context.fragment("helium/scale.c", "plain/product_members.c", "helium/product.c")
        call = broadcast_runs("eb_mve_product_run(g, {a}, {step_a}, {b}, {step_b}, {out}, {count});", node, context)
        return f"{initializer('eb_times', 'g', product_members(node))}\n{call}"


class LookupHelium(LookupPlain):
    """16 values at a time, gathered from the table."""

    features: ClassVar[frozenset[str]] = HELIUM

    def cost(self, node: Node) -> float:
        """Less than an instruction a value."""
        return 0.6 * node.output.elements + 10

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call."""
        context.fragment("helium/lookup.c")
        table = context.constant("table", table_of(node).view(np.uint8))
        places = f"(const uint8_t *){context.input()}, (uint8_t *){context.output()}"
        return f"eb_mve_lookup({table}, {places}, {node.output.elements});"


KERNELS.register("sum_helium")(SumHelium())
KERNELS.register("product_helium")(ProductHelium())
KERNELS.register("lookup_helium")(LookupHelium())
