"""What a student learns from a teacher: one kind of loss a file, each registered by its name.

A kind compares what the two models make of one batch. Teachers are never differentiated: what comes from them is
constant. With several teachers the losses are averaged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from edgebuild.registry import Registry

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Seen:
    """What the student and one teacher made of one batch.

    Attributes:
        student, teacher: first output of each [n, ...].
        layers: outputs of the chosen pairs of layers, student's and teacher's [n, ...]; none where none were chosen.
        targets: of the batch [n, ...].
    """

    student: torch.Tensor
    teacher: torch.Tensor
    layers: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    targets: torch.Tensor


@dataclass(frozen=True)
class Pair:
    """Two layers that are compared, found out on a sample before training.

    Attributes:
        student, teacher: dotted names.
        shapes: of their outputs, student's and teacher's, batch first.
        channel_dim: of both outputs: 1 behind a convolution, the last one behind a linear layer.
    """

    student: str
    teacher: str
    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    channel_dim: int


class Comparison:
    """The loss of one kind between the student and one teacher; it may have parameters of its own."""

    def parameters(self) -> Sequence[torch.nn.Parameter]:
        """Trained with the student."""
        return ()

    def loss(self, seen: Seen) -> torch.Tensor:
        """A scalar, the mean over the batch."""
        raise NotImplementedError


@dataclass(frozen=True)
class DistilKind:
    """One kind.

    Attributes:
        title: one line, for the documentation.
        weight: what `weight` is where it is not given.
        layers: whether it looks at layers inside: it must, it may, or it looks at the outputs only.
        shares: True where `weight` is a share of the loss, of which the task keeps the rest; else it is a factor of
            what is added to the task's loss.
        compare: (pairs of layers, temperature) -> the comparison.
    """

    title: str
    weight: float
    layers: Literal["required", "optional", "none"]
    compare: Callable[[Sequence[Pair], float], Comparison]
    shares: bool = False


DISTIL_KINDS: Registry[DistilKind] = Registry("kind of distillation", "edgebuild.compress.distil.kinds")
