"""Relations between samples: what the teacher finds near or in one direction, the student should too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgebuild.compress.distil.kinds import DISTIL_KINDS, Comparison, DistilKind, Pair, Seen

if TYPE_CHECKING:
    import torch

_ANGLES = 2.0
"""Weight of the angles where that of the distances is 1, as in the paper."""


class Relational(Comparison):
    """Distances between two samples and angles between three, in the space of a layer or of the outputs.

    Park et al., Relational Knowledge Distillation, CVPR 2019, equations 6 and 9 (RKD-DA, 1 to 2). Widths need not
    agree. Time and memory grow with the cube of the batch size.
    """

    def __init__(self, pairs: Sequence[Pair], temperature: float) -> None:
        self._inner = bool(pairs)

    def loss(self, seen: Seen) -> torch.Tensor:
        """The sum over the pairs of layers, or that of the outputs where no layers were chosen."""
        from torch.nn import functional

        total = seen.student.new_zeros(())
        for ours, theirs in seen.layers if self._inner else ((seen.student, seen.teacher),):
            ours, theirs = ours.flatten(1), theirs.flatten(1)
            total = total + functional.smooth_l1_loss(distances(ours), distances(theirs))
            total = total + _ANGLES * functional.smooth_l1_loss(angles(ours), angles(theirs))
        return total


def distances(samples: torch.Tensor) -> torch.Tensor:
    """Distance of every two of [n, features], divided by the mean distance of two different ones; [n, n]."""
    import torch

    squares = (samples[:, None] - samples[None, :]).square().sum(2)
    apart = ~torch.eye(len(samples), dtype=torch.bool)
    # The root has no slope at 0, where a sample meets itself or its twin.
    found = torch.where(squares > 0, torch.where(squares > 0, squares, 1.0).sqrt(), 0.0)
    mean = found[apart].mean() if len(samples) > 1 else found.sum()
    return found / mean.clamp(min=1e-12)


def angles(samples: torch.Tensor) -> torch.Tensor:
    """Cosine of the angle at the first of every three of [n, features]; [n, n, n]."""
    from torch.nn import functional

    away = functional.normalize(samples[None, :] - samples[:, None], dim=2)
    return away @ away.transpose(1, 2)


DISTIL_KINDS.register("relational")(
    DistilKind("distances and angles between the samples of a batch", 1.0, "optional", Relational)
)
