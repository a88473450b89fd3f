"""What a model costs after channels are cut: parameters, bytes and multiply-accumulates, exact without running it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from edgebuild.compress.prune.cut import channel_dim
from edgebuild.compress.prune.groups import ChannelGroup
from edgebuild.compress.prune.layer_sides import sides_of

if TYPE_CHECKING:
    import torch

WEIGHT = "weight"
_OTHER_BYTES = 4
"""Of a number that is not in the weight of a layer: a bias is float32 or int32 in every file."""


@dataclass(frozen=True)
class Cost:
    """Numbers in all parameters, multiply-accumulates of one sample, and bytes of the parameters in a file."""

    parameters: int
    macs: int
    bytes: int = 0

    def of(self, quantity: Literal["macs", "parameters", "bytes"]) -> int:
        """One of the three."""
        return {"macs": self.macs, "parameters": self.parameters, "bytes": self.bytes}[quantity]


class CostModel:
    """The cost of a model for any size of its groups.

    A convolution or matrix product takes multiply-accumulates in proportion to the numbers in its weight, and an
    attention in proportion to its heads; what is not done by these stays as it is.
    """

    def __init__(
        self, model: torch.nn.Module, groups: Sequence[ChannelGroup], macs: Mapping[str, int], item_bytes: int = 4
    ) -> None:
        """`macs` are those of every layer now, by dotted name; `item_bytes` are those of a number in a weight."""
        self._macs = dict(macs)
        self._item_bytes = item_bytes
        self._shapes: dict[tuple[str, str], dict[int, int]] = {}
        self._shrinking: list[tuple[str, tuple[str, str], int, float]] = []
        self._of_heads = [(group.name, group.heads.macs) for group in groups if group.heads]
        self._fixed = sum(parameter.numel() for parameter in model.parameters())
        self._fixed_bytes = stored_bytes(model, item_bytes)
        self._matrices: set[tuple[str, str]] = set()
        for group in groups:
            for part in group.parts:
                self._add(model, group, part.layer, part.side, part.tensor, len(part.indices[0]))
        for key, dims in self._shapes.items():
            self._fixed -= _product(dims)
            self._fixed_bytes -= self._bytes(key, _product(dims))

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
                if _is_matrix(module, name):
                    self._matrices.add((layer, name))

    def _bytes(self, key: tuple[str, str], numbers: int) -> int:
        return numbers * (self._item_bytes if key in self._matrices else _OTHER_BYTES)

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
        size = self._fixed_bytes + sum(self._bytes(key, count) for key, count in numbers.items())
        return Cost(self._fixed + sum(numbers.values()), sum(macs.values()) - heads, size)


def stored_bytes(model: torch.nn.Module, item_bytes: int) -> int:
    """Bytes of all parameters where a number in the weight of a convolution, linear layer or embedding has so many.

    Every other one has four. Files hold less where they fold a batch normalisation into the layer before it.
    """
    seen: set[int] = set()
    total = 0
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if id(parameter) not in seen:
                seen.add(id(parameter))
                total += parameter.numel() * (item_bytes if _is_matrix(module, name) else _OTHER_BYTES)
    return total


def _is_matrix(module: torch.nn.Module, name: str) -> bool:
    """Whether the parameter is what a format stores in the type of the weights."""
    from torch import nn

    return name == WEIGHT and isinstance(module, nn.modules.conv._ConvNd | nn.Linear | nn.Embedding)


def _product(dims: Mapping[int, int]) -> int:
    total = 1
    for size in dims.values():
        total *= size
    return total
