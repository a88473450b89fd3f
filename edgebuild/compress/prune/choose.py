"""Which channels go: the least important ones, in blocks that the target's kernels like, until a goal is met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from edgebuild.compress.prune.cost import CostModel
from edgebuild.compress.prune.goal import Goal
from edgebuild.compress.prune.groups import ChannelGroup


@dataclass(frozen=True)
class Block:
    """Channels that go together: the least important ones that bring a group down to its next smaller size."""

    group: str
    channels: tuple[int, ...]
    score: float


class Ranking:
    """The channels of every group in the order in which they go.

    `least` is the smallest size that each group may have, by its name.
    """

    def __init__(
        self, groups: Sequence[ChannelGroup], scores: Mapping[str, np.ndarray], least: Mapping[str, int]
    ) -> None:
        self.blocks: dict[str, list[Block]] = {}
        self.sizes = {group.name: group.size for group in groups if group.name in scores}
        for group in groups:
            if group.name in scores:
                self.blocks[group.name] = _blocks(group, scores[group.name], least[group.name])

    def everything(self) -> dict[str, int]:
        """Channels removed when every group is as small as it may be."""
        return {name: sum(len(block.channels) for block in blocks) for name, blocks in self.blocks.items()}

    def removed(self, taken: Mapping[str, int]) -> dict[str, int]:
        """Channels removed with the first `taken` blocks of each group."""
        return {name: sum(len(block.channels) for block in self.blocks[name][:count]) for name, count in taken.items()}

    def choice(self, taken: Mapping[str, int]) -> dict[str, list[int]]:
        """The channels of the first `taken` blocks of each group."""
        return {
            name: sorted(channel for block in self.blocks[name][:count] for channel in block.channels)
            for name, count in taken.items()
            if count
        }


def _blocks(group: ChannelGroup, scores: np.ndarray, least: int) -> list[Block]:
    order = np.argsort(scores, kind="stable")
    sizes = group.sizes(least)
    blocks = []
    for larger, smaller in pairwise(sizes):
        channels = order[group.size - larger : group.size - smaller]
        score = float(scores[channels].mean())
        blocks.append(Block(group.name, tuple(int(channel) for channel in channels), score))
    return blocks


def choose_global(ranking: Ranking, costs: CostModel, goal: Goal) -> dict[str, list[int]]:
    """The least important blocks of all groups together, one after the other, until the goal is met.

    A number of channels is met as nearly as whole blocks allow; MACs and parameters are an upper bound.
    """
    taken = dict.fromkeys(ranking.blocks, 0)
    removed = dict.fromkeys(ranking.blocks, 0)
    while not goal.reached(costs.after(removed), sum(removed.values())):
        waiting = [blocks[taken[name]] for name, blocks in ranking.blocks.items() if taken[name] < len(blocks)]
        if not waiting:
            break
        block = min(waiting, key=lambda candidate: candidate.score)
        before, size = sum(removed.values()), len(block.channels)
        if goal.quantity == "channels" and before + size - goal.amount > goal.amount - before:
            break
        taken[block.group] += 1
        removed[block.group] += size
    return ranking.choice(taken)


_SHARES = 200
"""Steps in which the common share of local cutting is looked for."""


def choose_local(ranking: Ranking, costs: CostModel, goal: Goal) -> dict[str, list[int]]:
    """The least important channels of every group by itself: the smallest common share that meets the goal."""
    total = sum(ranking.sizes.values())
    if goal.quantity == "channels":
        return ranking.choice(_at_share(ranking, goal.amount / total))
    for step in range(1, _SHARES + 1):
        taken = _at_share(ranking, step / _SHARES)
        removed = ranking.removed(taken)
        if goal.reached(costs.after(removed), sum(removed.values())):
            break
    return ranking.choice(taken)


def _at_share(ranking: Ranking, share: float) -> dict[str, int]:
    """How many blocks of each group bring it nearest to having lost `share` of its channels."""
    return nearest(ranking, {name: share * size for name, size in ranking.sizes.items()})


def nearest(ranking: Ranking, wanted: Mapping[str, float]) -> dict[str, int]:
    """How many blocks of each group bring it nearest to having lost so many channels; none of one that is not named."""
    taken = {}
    for name, blocks in ranking.blocks.items():
        gone = np.cumsum([0, *(len(block.channels) for block in blocks)])
        taken[name] = int(np.abs(gone - wanted.get(name, 0.0)).argmin())
    return taken
