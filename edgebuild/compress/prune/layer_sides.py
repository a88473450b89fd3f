"""Which numbers of a layer belong to its input channels, and which to its output channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

OUT = "out"
IN = "in"


@dataclass(frozen=True)
class SideTensor:
    """A tensor with one index per channel along `dim`; per channel of one convolution group where `within_group`."""

    name: str
    dim: int
    within_group: bool = False


@dataclass(frozen=True)
class Side:
    """The input or the output channels of one layer.

    Attributes:
        channels: how many there are.
        tensors: what shrinks with them.
        attributes: counts of the layer that follow; a shape is a list.
        groups: channels at the same place of every group can only go together.
        mixes: every number of the output depends on all channels, so that the others change when one goes.
    """

    channels: int
    tensors: tuple[SideTensor, ...]
    attributes: tuple[str, ...]
    groups: int = 1
    mixes: bool = False


def sides_of(layer: torch.nn.Module) -> dict[str, Side]:
    """The sides of a layer by `in` and `out`; empty for a kind of layer that cannot be cut.

    A layer that treats every channel by itself has only an `out` side.
    """
    from torch import nn

    if isinstance(layer, nn.modules.conv._ConvNd):
        return _convolution(layer)
    if isinstance(layer, nn.Linear):
        out = Side(layer.out_features, _present(layer, ("weight", 0), ("bias", 0)), ("out_features",))
        return {OUT: out, IN: Side(layer.in_features, (SideTensor("weight", 1),), ("in_features",))}
    per_channel = [("weight", 0), ("bias", 0), ("running_mean", 0), ("running_var", 0)]
    if isinstance(layer, nn.modules.batchnorm._BatchNorm | nn.modules.instancenorm._InstanceNorm):
        return {OUT: Side(layer.num_features, _present(layer, *per_channel), ("num_features",))}
    if isinstance(layer, nn.PReLU) and layer.num_parameters > 1:
        return {OUT: Side(layer.num_parameters, (SideTensor("weight", 0),), ("num_parameters",))}
    if isinstance(layer, nn.Embedding):
        return {OUT: Side(layer.embedding_dim, (SideTensor("weight", 1),), ("embedding_dim",))}
    if isinstance(layer, nn.GroupNorm):
        tensors = _present(layer, *per_channel[:2])
        return {OUT: Side(layer.num_channels, tensors, ("num_channels",), layer.num_groups, mixes=True)}
    if isinstance(layer, nn.LayerNorm) and len(layer.normalized_shape) == 1:
        tensors = _present(layer, *per_channel[:2])
        return {OUT: Side(layer.normalized_shape[0], tensors, ("normalized_shape",), mixes=True)}
    return {}


def _convolution(layer: torch.nn.modules.conv._ConvNd) -> dict[str, Side]:
    groups, transposed = layer.groups, layer.transposed
    if groups > 1 and groups == layer.out_channels:
        if layer.in_channels != layer.out_channels or transposed:
            return {}
        tensors = _present(layer, ("weight", 0), ("bias", 0))
        return {OUT: Side(groups, tensors, ("groups", "in_channels", "out_channels"))}
    grouped = groups > 1
    # A transposed convolution has its input channels first: [in, out / groups, …] for [out, in / groups, …].
    outer, inner = SideTensor("weight", 0), SideTensor("weight", 1, within_group=grouped)
    bias = _present(layer, ("bias", 0))
    out = Side(layer.out_channels, (inner if transposed else outer, *bias), ("out_channels",), groups)
    return {OUT: out, IN: Side(layer.in_channels, (outer if transposed else inner,), ("in_channels",), groups)}


def _present(layer: torch.nn.Module, *tensors: tuple[str, int]) -> tuple[SideTensor, ...]:
    return tuple(SideTensor(name, dim) for name, dim in tensors if getattr(layer, name, None) is not None)
