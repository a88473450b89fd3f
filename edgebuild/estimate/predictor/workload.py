"""What an inference has to do, as far as its time is predicted from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal[
    "convolution",
    "pointwise",
    "depthwise",
    "dense",
    "matrix",
    "pooling",
    "elementwise",
    "activation",
    "movement",
    "other",
]
"""`pointwise` is a 1 x 1 convolution, `dense` a stored matrix times few rows, `matrix` a product of two computed ones,
`elementwise` has two operands, `activation` one, `movement` only copies."""

KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Operation:
    """One operation.

    Attributes:
        kind: which kernel it is likely to run on.
        macs: multiply-accumulates; of a pooling the numbers that it reads.
        moved_bytes: of activations, read and written.
        weight_bytes: of parameters.
    """

    kind: Kind
    macs: int
    moved_bytes: int
    weight_bytes: int = 0


@dataclass(frozen=True)
class Workload:
    """One inference: its operations, and the dtype as `export.dtype` names it (`fp32`, `int8`, …)."""

    operations: Sequence[Operation]
    dtype: str

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all operations but poolings."""
        return sum(operation.macs for operation in self.operations if operation.kind != "pooling")
