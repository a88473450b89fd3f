"""One attention of a model: which channels of which projections are those of a head."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from edgebuild.compress.prune.groups import ChannelGroup, Heads, Part
from edgebuild.compress.prune.layer_sides import IN, OUT

Places = tuple[tuple[int, ...], ...]
"""for each head, its channels"""


@dataclass(frozen=True)
class Block:
    """An attention, or what may be one.

    Attributes:
        layer: dotted name of the module whose attributes know the number of heads.
        heads: how many there are.
        attributes: name -> its value now; all of them shrink with the heads.
        projections: layer that makes queries, keys or values -> its channels, head by head.
        output: the layer that reads what the heads found.
        read: its input channels, head by head.
    """

    layer: str
    heads: int
    attributes: Mapping[str, int]
    projections: Mapping[str, Places]
    output: str
    read: Places

    def group(self, macs: Mapping[str, int], round_to: int) -> ChannelGroup:
        """The heads as a group; `macs` are what other modules than the projections save with each head, by name."""
        parts = [Part(name, OUT, "", places) for name, places in self.projections.items()]
        makers = tuple((name, len(places[0])) for name, places in self.projections.items())
        widths = [*(width for _, width in makers), len(self.read[0])]
        attributes = {name: value // self.heads for name, value in self.attributes.items()}
        return ChannelGroup(
            name=f"{self.layer}[heads]",
            size=self.heads,
            parts=(*parts, Part(self.output, IN, "", self.read)),
            makers=makers,
            step=math.lcm(*(round_to // math.gcd(round_to, width) for width in widths)),
            heads=Heads(self.layer, attributes, tuple(self.projections), self.output, macs),
        )


def in_order(heads: int, width: int) -> Places:
    """Channels [heads, width]: one head after the other."""
    return tuple(tuple(range(head * width, (head + 1) * width)) for head in range(heads))


def by_part(heads: int, width: int, parts: int) -> Places:
    """Channels [parts, heads, width]: all queries, then all keys, then all values."""
    one = in_order(heads, width)
    return tuple(tuple(part * heads * width + index for part in range(parts) for index in head) for head in one)
