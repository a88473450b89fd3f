"""What a model costs after channels are cut: parameters and multiply-accumulates, exact and without running it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgebuild.compress.prune.cut import channel_dim
from edgebuild.compress.prune.groups import ChannelGroup
from edgebuild.compress.prune.layer_sides import sides_of

if TYPE_CHECKING:
    import torch

WEIGHT = "weight"


@dataclass(frozen=True)
class Cost:
    """Numbers in all parameters, and multiply-accumulates of one sample."""

    parameters: int
    macs: int


class CostModel:
    """The cost of a model for any size of its groups.

    A convolution or matrix product takes multiply-accumulates in proportion to the numbers in its weight, and an
    attention in proportion to its heads; what is not done by these stays as it is.
    """

    def __init__(self, model: torch.nn.Module, groups: Sequence[ChannelGroup], macs: Mapping[str, int]) -> None:
        """`macs` are those of every layer now, by dotted name (`edgebuild.model.count`)."""
        self._macs = dict(macs)
        self._shapes: dict[tuple[str, str], dict[int, int]] = {}
        self._shrinking: list[tuple[str, tuple[str, str], int, float]] = []
        self._of_heads = [(group.name, group.heads.macs) for group in groups if group.heads]
        self._fixed = sum(parameter.numel() for parameter in model.parameters())
        for group in groups:
            for part in group.parts:
                self._add(model, group, part.layer, part.side, part.tensor, len(part.indices[0]))
        self._fixed -= sum(_product(dims) for dims in self._shapes.values())

    def _add(
        self, model: torch.nn.Module, group: ChannelGroup, layer: str, side_name: str, tensor: str, width: int
    ) -> None:
        module = model.get_submodule(layer)
        side = None if tensor else sides_of(module)[side_name]
        dims = [(tensor, channel_dim(getattr(module, tensor)), 1)] if side is None else []
        if side is not None:
            dims = [(own.name, own.dim, side.groups if own.within_group else 1) for own in side.tensors]
        for name, dim, divisor in dims:
            if name in module._parameters:
                shape = getattr(module, name).shape
                self._shapes.setdefault((layer, name), dict(enumerate(shape)))
                self._shrinking.append((group.name, (layer, name), dim, width / divisor))

    def after(self, removed: Mapping[str, int]) -> Cost:
        """The cost when so many channels of each group are gone."""
        shapes = {key: dict(dims) for key, dims in self._shapes.items()}
        for group, key, dim, width in self._shrinking:
            shapes[key][dim] -= round(width * removed.get(group, 0))
        numbers = {key: _product(dims) for key, dims in shapes.items()}
        macs = dict(self._macs)
        for (layer, tensor), left in numbers.items():
            if tensor == WEIGHT and layer in macs:
                macs[layer] = macs[layer] * left // _product(self._shapes[layer, tensor])
        heads = sum(removed.get(name, 0) * sum(each.values()) for name, each in self._of_heads)
        return Cost(self._fixed + sum(numbers.values()), sum(macs.values()) - heads)


def _product(dims: Mapping[int, int]) -> int:
    total = 1
    for size in dims.values():
        total *= size
    return total
