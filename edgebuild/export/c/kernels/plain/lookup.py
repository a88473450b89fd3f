"""Operations on one value of 8 bits, through a table of 256 bytes."""

from __future__ import annotations

import numpy as np

from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.graph import Node
from edgebuild.export.c.kernel import KERNELS, Kernel
from edgebuild.export.c.tables import TABLE_OPS, table_of


class LookupPlain(Kernel):
    """out[i] = table[in[i]]."""

    ops = TABLE_OPS

    def supports(self, node: Node) -> bool:
        """8 bits in, 8 bits out."""
        return {node.input.dtype, node.output.dtype} <= {"int8", "uint8"}

    def overlap(self, node: Node, index: int) -> int | None:
        """In place."""
        return 0

    def cost(self, node: Node) -> float:
        """About 5 instructions a value."""
        return 5.0 * node.output.elements

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call."""
        context.fragment("plain/lookup.c")
        table = context.constant("table", table_of(node).view(np.uint8))
        places = f"(const uint8_t *){context.input()}, (uint8_t *){context.output()}"
        return f"eb_lookup({table}, {places}, {node.output.elements});"


KERNELS.register("lookup_plain")(LookupPlain())
