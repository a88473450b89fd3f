"""From the channels that go to the edits that cut them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgebuild.compress.prune.groups import ChannelGroup, Choice, removed_indices
from edgebuild.compress.prune.layer_sides import sides_of
from edgebuild.model.edits import replay
from edgebuild.model.edits.keep_channels import keep_channels
from edgebuild.model.edits.keep_heads import keep_heads

if TYPE_CHECKING:
    import torch


def edits_of(model: torch.nn.Module, groups: Sequence[ChannelGroup], choice: Choice) -> list[dict[str, Any]]:
    """One edit per layer that loses anything, and one per attention; `model` is as it is before the cut."""
    tensors: dict[str, dict[str, dict[int, list[int]]]] = {}
    attributes: dict[str, dict[str, int | list[int]]] = {}
    for (layer, side_name, tensor), indices in removed_indices(groups, choice).items():
        module = model.get_submodule(layer)
        here = tensors.setdefault(layer, {})
        counts = attributes.setdefault(layer, {})
        if tensor:
            dim = channel_dim(getattr(module, tensor))
            here[tensor] = {dim: _kept(getattr(module, tensor).shape[dim], indices)}
            continue
        side = sides_of(module)[side_name]
        left = _kept(side.channels, indices)
        for own in side.tensors:
            width = side.channels // side.groups
            keep = [index for index in left if index < width] if own.within_group else left
            here.setdefault(own.name, {})[own.dim] = keep
        for name in side.attributes:
            counts[name] = [len(left)] if isinstance(getattr(module, name), tuple) else len(left)
    cut = [keep_channels(layer, tensors[layer], attributes[layer]) for layer in tensors]
    return [
        *cut,
        *(_heads_edit(group, choice[group.name]) for group in groups if group.heads and choice.get(group.name)),
    ]


def _heads_edit(group: ChannelGroup, gone: Sequence[int]) -> dict[str, Any]:
    heads = group.heads
    assert heads is not None
    kept = _kept(group.size, gone)
    attributes = {name: each * len(kept) for name, each in heads.attributes.items()}
    return keep_heads(heads.layer, kept, group.size, attributes, heads.projections, heads.output)


def apply(model: torch.nn.Module, edits: Iterable[Mapping[str, Any]]) -> None:
    """Cut the model in place, by the code that also rebuilds it later."""
    replay(model, edits)


def channel_dim(parameter: torch.Tensor) -> int:
    """The dimension of a parameter outside any layer that runs over the channels: the last one longer than 1."""
    return max(dim for dim, size in enumerate(parameter.shape) if size > 1)


def _kept(channels: int, gone: Sequence[int]) -> list[int]:
    dropped = set(gone)
    return [index for index in range(channels) if index not in dropped]
