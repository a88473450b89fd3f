"""The numbers of a model that go with each channel of a group."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from edgebuild.compress.prune.groups import ChannelGroup, Part
from edgebuild.compress.prune.layer_sides import sides_of

if TYPE_CHECKING:
    import torch


class CoupledChannels:
    """The weights of one group in a model, added up channel by channel; with their graph."""

    def __init__(self, model: torch.nn.Module, group: ChannelGroup) -> None:
        """`model` has the layers of the group, in the sizes that it was traced with."""
        self._size = group.size
        layers = [(model.get_submodule(part.layer), part) for part in group.parts if not part.tensor]
        self._weights = [_Slices(layer, part) for layer, part in layers if is_weight(layer)]
        self._scales = [_Slices(layer, part) for layer, part in layers if is_scale(layer)]

    def squares(self) -> torch.Tensor:
        """Sum of the squares of all weights that go with each channel [size]."""
        return self._total(self._weights, lambda weight: weight**2)

    def magnitudes(self) -> torch.Tensor:
        """Sum of their magnitudes [size]."""
        return self._total(self._weights, lambda weight: weight.abs())

    def scales(self) -> torch.Tensor | None:
        """Sum of the magnitudes of its scales of batch normalisation [size]; None where there is none."""
        return self._total(self._scales, lambda weight: weight.abs()) if self._scales else None

    def _total(self, slices: list[_Slices], size: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        import torch

        rows = [one.sums(size, self._size) for one in slices]
        return torch.stack(rows).sum(0)


class _Slices:
    """One weight, cut into what belongs to each channel."""

    def __init__(self, layer: torch.nn.Module, part: Part) -> None:
        import torch

        own = next(tensor for tensor in sides_of(layer)[part.side].tensors if tensor.name == "weight")
        self._weight: torch.nn.Parameter = getattr(layer, own.name)
        self._dim = own.dim
        width = self._weight.shape[own.dim]
        pairs = [(channel, index) for channel, here in enumerate(part.indices) for index in {i % width for i in here}]
        self._channels = torch.tensor([channel for channel, _ in pairs])
        self._indices = torch.tensor([index for _, index in pairs])

    def sums(self, size: Callable[[torch.Tensor], torch.Tensor], channels: int) -> torch.Tensor:
        numbers = size(self._weight)
        others = [dim for dim in range(numbers.ndim) if dim != self._dim]
        sums = numbers.sum(others) if others else numbers
        return sums.new_zeros(channels).index_add(0, self._channels, sums[self._indices])


def is_weight(layer: torch.nn.Module) -> bool:
    """Whether the layer has a weight that counts for the size of its channels."""
    from torch import nn

    normalised = isinstance(layer, nn.modules.batchnorm._BatchNorm | nn.LayerNorm) and layer.weight is not None
    return normalised or isinstance(layer, nn.modules.conv._ConvNd | nn.Linear)


def is_scale(layer: torch.nn.Module) -> bool:
    """Whether the layer is a batch normalisation with a scale."""
    from torch import nn

    return isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.weight is not None
