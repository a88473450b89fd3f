"""What a kernel is: the way in which one operation becomes C. `kernels/__init__.py` says how to add one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.graph import Node
from edgebuild.registry import Registry


class Kernel(ABC):
    """One way to compute some operations.

    Attributes:
        ops: the schema's words of the operations it can compute: `("CONV_2D",)`.
        features: what the core must have (`cores.py`); empty for plain C99.
        has_codebook: it stores a table `values` of 16 numbers, and `weights` that are 4-bit indices into it, two a
            byte, the low half first, each output channel beginning with a byte.
    """

    ops: ClassVar[tuple[str, ...]]
    features: ClassVar[frozenset[str]] = frozenset()
    has_codebook: ClassVar[bool] = False

    @abstractmethod
    def supports(self, node: Node) -> bool:
        """Whether it computes this node; asked only for nodes whose op is in `ops`, before anything else."""

    def scratch_bytes(self, node: Node) -> int:
        """Bytes of working memory that the layer needs in the arena while it runs; aligned to 16 bytes."""
        return 0

    def overlap(self, node: Node, index: int) -> int | None:
        """How the output may lie over input `index`, if nothing reads that input later.

        Returns:
            bytes by which the output must begin before the input, so that no write ever reaches what is still to be
            read (`overlap.py` computes it); 0: in place; None: the two must not share a byte.
        """
        return None

    def weight_bytes(self, node: Node) -> int:
        """Bytes of the node's weights in flash, as this kernel stores them: one each unless it says otherwise."""
        weights = node.inputs[1] if len(node.inputs) > 1 else None
        return weights.elements if weights is not None and weights.data is not None else 0

    @abstractmethod
    def cost(self, node: Node) -> float:
        """Rough instructions for the layer: ranks kernels until a measurement says otherwise."""

    @abstractmethod
    def emit(self, node: Node, context: LayerContext) -> str:
        """Return the statements of the layer's function; `context` gives pointers, constants and shared code."""


KERNELS: Registry[Kernel] = Registry("C kernel", "edgebuild.export.c.kernels")
"""name -> kernel; the name is what reports and explicit choices call it"""


def kernels_of(op: str) -> list[tuple[str, Kernel]]:
    """All kernels for an operation, sorted by name."""
    return [(name, kernel) for name, kernel in KERNELS.items() if op in kernel.ops]
