"""AVERAGE_POOL_2D and MAX_POOL_2D on the DSP extension: four channels at a time."""

from __future__ import annotations

from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.graph import Node
from edgebuild.export.c.initializer import initializer
from edgebuild.export.c.kernel import KERNELS, Kernel
from edgebuild.export.c.pooling import pooling_of

LARGEST_WINDOW = 255
"""Values of a window: their sum must fit 16 bits."""

WORD = 4
"""Channels in a word."""


class PoolDsp(Kernel):
    """Windows of one image after another."""

    ops = ("AVERAGE_POOL_2D", "MAX_POOL_2D")
    features = frozenset({"dsp"})

    def supports(self, node: Node) -> bool:
        """At least four channels, windows of at most 255 values."""
        pooling = pooling_of(node)
        return pooling.channels >= WORD and pooling.kernel_h * pooling.kernel_w <= LARGEST_WINDOW

    def overlap(self, node: Node, index: int) -> int | None:
        """A pixel at a time, channel by channel."""
        return pooling_of(node).pixel_overlap()

    def cost(self, node: Node) -> float:
        """About 1.6 instructions a value read."""
        pooling = pooling_of(node)
        words = -(-pooling.channels // WORD)
        pixels = pooling.batches * pooling.out_h * pooling.out_w
        return pixels * words * (6.5 * pooling.kernel_h * pooling.kernel_w + 60)

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call per image."""
        pooling = pooling_of(node)
        is_mean = int(node.op == "AVERAGE_POOL_2D")
        name = "eb_dsp_average_pool" if is_mean else "eb_dsp_max_pool"
        context.fragment("requantize.c", "plain/pool.c", "dsp/pool.c")
        context.source.define(name, f"EB_DSP_POOL({name}, {is_mean})\n")
        lines = [initializer("eb_pool", "g", pooling.members())]
        for image in range(pooling.batches):
            skip_in = image * pooling.in_h * pooling.in_w * pooling.channels
            skip_out = image * pooling.out_h * pooling.out_w * pooling.channels
            lines.append(f"{name}(&g, {context.input()} + {skip_in}, {context.output()} + {skip_out});")
        return "\n".join(lines)


KERNELS.register("pool_dsp")(PoolDsp())
