"""Channel groups: the channels of a model that can be cut, and what goes with each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """One side of one layer, as far as it belongs to a group.

    Attributes:
        layer: dotted name; of a parameter that stands by itself, the name of its module.
        side: `out` for what a layer makes (or treats channel by channel), `in` for what it reads.
        tensor: name of the parameter that stands by itself; empty for a layer's own side.
        indices: for each channel of the group, the indices on this side that are it.
    """

    layer: str
    side: str
    tensor: str
    indices: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Heads:
    """What a group of attention heads has besides their channels.

    Attributes:
        layer: dotted name of the attention.
        attributes: name of an attribute of it -> how much of its value is each head's.
        projections: the layers that make queries, keys and values.
        output: the layer that reads what the heads found.
        macs: module -> multiply-accumulates that each head takes in it, outside of these layers.
    """

    layer: str
    attributes: Mapping[str, int]
    projections: tuple[str, ...]
    output: str
    macs: Mapping[str, int]


@dataclass(frozen=True)
class ChannelGroup:
    """Channels that are made by the same layers: each can be cut on its own, with its index in every part.

    An attention head counts as one channel, with as many indices as it is wide.

    Attributes:
        name: the first layer that makes them.
        size: how many there are.
        parts: every side of every layer that holds them, in forward order.
        makers: (name, how many of its channels are one of the group's) of the convolutions and matrix products that
            make them; no two groups have the same.
        step: numbers of channels that leave every producer with a multiple of `round_to` are multiples of this.
        mixes: a layer inside normalises over the channels.
        heads: of a group of attention heads.
    """

    name: str
    size: int
    parts: tuple[Part, ...]
    makers: tuple[tuple[str, int], ...]
    step: int
    mixes: bool = False
    heads: Heads | None = None

    @property
    def producers(self) -> tuple[str, ...]:
        """Names of the layers that make the channels."""
        return tuple(name for name, _ in self.makers)

    def sizes(self, least: int) -> list[int]:
        """The sizes that the group may have, largest first: its own, and the multiples of `step` from `least` on."""
        smallest = max(self.step, -(-least // self.step) * self.step)
        return [self.size, *range((self.size - 1) // self.step * self.step, smallest - 1, -self.step)]


@dataclass(frozen=True)
class LeftAlone:
    """Channels that are not cut, and why: `layer` makes them."""

    layer: str
    reason: str


Choice = Mapping[str, Sequence[int]]
"""name of a group -> its channels that go"""


def removed_indices(groups: Sequence[ChannelGroup], choice: Choice) -> dict[tuple[str, str, str], list[int]]:
    """(layer, side, tensor) -> indices that go, ascending."""
    removed: dict[tuple[str, str, str], set[int]] = {}
    for group in groups:
        gone = choice.get(group.name, ())
        for part in group.parts if gone else ():
            here = removed.setdefault((part.layer, part.side, part.tensor), set())
            here.update(index for channel in gone for index in part.indices[channel])
    return {key: sorted(indices) for key, indices in removed.items()}


def cut_layers(groups: Sequence[ChannelGroup], choice: Choice) -> list[str]:
    """The producers that lose output channels, in forward order."""
    names = [name for group in groups if choice.get(group.name) for name in group.producers]
    return list(dict.fromkeys(names))
