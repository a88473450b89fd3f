"""How far to cut, as numbers: channels to remove, or what may remain of multiply-accumulates, parameters or bytes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from edgebuild.compress.prune.cost import Cost
from edgebuild.compress.prune.parameters import Prune

Quantity = Literal["channels", "macs", "parameters", "bytes"]


@dataclass(frozen=True)
class Goal:
    """How far to cut: `amount` channels to remove, or MACs, parameters or bytes that may remain at most."""

    quantity: Quantity
    amount: int

    def reached(self, cost: Cost, removed: int) -> bool:
        """Whether a model of this cost, with so many channels gone, is there."""
        if self.quantity == "channels":
            return removed >= self.amount
        return cost.of(self.quantity) <= self.amount


def goal_of(parameters: Prune, share: float, before: Cost, channels: int, removed: int) -> Goal:
    """Where `share` of the whole cut is done; of a `ratio`, the channels still to be removed.

    Args:
        parameters: with a `ratio` or a bound under `keep`.
        share: of the whole cut, in (0, 1].
        before: cost of the model as it came.
        channels: that it had.
        removed: that are gone already.
    """
    keep, ratio = parameters.keep, parameters.ratio
    if keep is None:
        assert ratio is not None
        return Goal("channels", round(share * ratio * channels) - removed)
    whole = before.of(keep.quantity)
    if keep.size is not None:
        return Goal("bytes", math.floor(whole - share * (whole - keep.size)))
    return Goal(keep.quantity, math.floor((1 - share * (1 - keep.limit(before))) * whole))
