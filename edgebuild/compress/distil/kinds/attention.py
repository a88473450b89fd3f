"""Attention transfer: the student learns where in the image the teacher's layer is active."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgebuild.compress.distil.kinds import DISTIL_KINDS, Comparison, DistilKind, Pair, Seen
from edgebuild.compress.distil.kinds.features import different_places
from edgebuild.errors import ConfigError

if TYPE_CHECKING:
    import torch


class Attention(Comparison):
    """Squared distance between the attention maps of student and teacher.

    Zagoruyko and Komodakis, Paying More Attention to Attention, ICLR 2017, section 3.1: the map of a layer is the sum
    of its squared activations over the channels, divided by its norm. Taken here squared and summed over the positions,
    so that `weight` does not depend on the size of the map: it is between 0 and 4.
    """

    def __init__(self, pairs: Sequence[Pair], temperature: float) -> None:
        self._dims = [pair.channel_dim for pair in pairs]
        for pair in pairs:
            ours, theirs = (_positions(shape, pair.channel_dim) for shape in pair.shapes)
            if not ours:
                msg = f"distil: layer {pair.student!r} gives one vector a sample, which has no places to attend to"
                raise ConfigError(msg, remedy="name a layer that gives a map, or use kind: features")
            if ours != theirs:
                raise different_places(pair, "attention")

    def loss(self, seen: Seen) -> torch.Tensor:
        """The sum over the pairs of layers."""
        total = seen.student.new_zeros(())
        for (ours, theirs), dim in zip(seen.layers, self._dims, strict=True):
            difference = _attention(ours, dim) - _attention(theirs, dim)
            total = total + difference.square().sum(1).mean()
        return total


def _attention(activations: torch.Tensor, channel_dim: int) -> torch.Tensor:
    """The map of every sample as a vector of length 1 [n, positions]."""
    from torch.nn import functional

    return functional.normalize(activations.square().mean(channel_dim).flatten(1), dim=1)


def _positions(shape: tuple[int, ...], channel_dim: int) -> tuple[int, ...]:
    return tuple(size for dim, size in enumerate(shape) if dim not in (0, channel_dim % len(shape)))


DISTIL_KINDS.register("attention")(DistilKind("where in the image a layer is active", 1.0, "required", Attention))
