"""Intermediate features: the student's layer, through a learned projection, learns the teacher's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgebuild.compress.distil.kinds import DISTIL_KINDS, Comparison, DistilKind, Pair, Seen
from edgebuild.errors import ConfigError

if TYPE_CHECKING:
    import torch


class Features(Comparison):
    """Mean squared difference between the teacher's features and the projected ones of the student.

    Romero et al., FitNets: Hints for Thin Deep Nets, ICLR 2015, equation 3, with a projection along the channels (a
    1x1 convolution) as regressor; here it is part of one training and not a stage before it. Where both have as many
    channels the projection begins as the identity.
    """

    def __init__(self, pairs: Sequence[Pair], temperature: float) -> None:
        from torch import nn

        self._dims = [pair.channel_dim for pair in pairs]
        self._projections = []
        for pair in pairs:
            ours, theirs = pair.shapes
            if _without(ours, pair.channel_dim) != _without(theirs, pair.channel_dim):
                raise different_places(pair, "features")
            projection = nn.Linear(ours[pair.channel_dim], theirs[pair.channel_dim])
            if projection.in_features == projection.out_features:
                nn.init.eye_(projection.weight)
                nn.init.zeros_(projection.bias)
            self._projections.append(projection)

    def parameters(self) -> list[torch.nn.Parameter]:
        """Those of the projections."""
        return [parameter for projection in self._projections for parameter in projection.parameters()]

    def loss(self, seen: Seen) -> torch.Tensor:
        """The sum over the pairs of layers."""
        from torch.nn import functional

        parts = [
            functional.mse_loss(projection(ours.movedim(dim, -1)), theirs.movedim(dim, -1))
            for (ours, theirs), projection, dim in zip(seen.layers, self._projections, self._dims, strict=True)
        ]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total


def _without(shape: tuple[int, ...], dim: int) -> tuple[int, ...]:
    """The shape of one sample without its channels."""
    return tuple(size for position, size in enumerate(shape) if position not in (0, dim % len(shape)))


def different_places(pair: Pair, kind: str) -> ConfigError:
    """The error for layers whose outputs have other positions, so that they cannot be laid over each other."""
    ours, theirs = (tuple(shape[1:]) for shape in pair.shapes)
    msg = (
        f"distil: {kind} compares layer {pair.student!r} of the student {ours} with {pair.teacher!r} of the teacher "
        f"{theirs}; expected the same size in every dimension but that of the channels"
    )
    return ConfigError(msg, remedy="name layers of one resolution under layers: {student's: teacher's}")


DISTIL_KINDS.register("features")(
    DistilKind("features of inner layers, through a learned projection", 1.0, "required", Features)
)
