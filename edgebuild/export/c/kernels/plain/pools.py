"""AVERAGE_POOL_2D and MAX_POOL_2D in plain C."""

from __future__ import annotations

from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.graph import Node
from edgebuild.export.c.initializer import initializer
from edgebuild.export.c.kernel import KERNELS, Kernel
from edgebuild.export.c.pooling import pooling_of


class PoolPlain(Kernel):
    """Windows of one image after another, channel by channel."""

    ops = ("AVERAGE_POOL_2D", "MAX_POOL_2D")

    def supports(self, node: Node) -> bool:
        """All forms."""
        return True

    def overlap(self, node: Node, index: int) -> int | None:
        """A pixel at a time, channel by channel."""
        return pooling_of(node).pixel_overlap()

    def cost(self, node: Node) -> float:
        """About 5 instructions a value read."""
        pooling = pooling_of(node)
        return 5.0 * node.output.elements * pooling.kernel_h * pooling.kernel_w + 30 * node.output.elements

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call per image."""
        pooling = pooling_of(node)
        function = node.op.removesuffix("_2D").lower()
        context.fragment("requantize.c", "plain/pool.c", f"plain/{function}.c")
        lines = [initializer("eb_pool", "g", pooling.members())]
        for image in range(pooling.batches):
            skip_in = image * pooling.in_h * pooling.in_w * pooling.channels
            skip_out = image * pooling.out_h * pooling.out_w * pooling.channels
            lines.append(f"eb_{function}(&g, {context.input()} + {skip_in}, {context.output()} + {skip_out});")
        return "\n".join(lines)


KERNELS.register("pool_plain")(PoolPlain())
