"""Cutting every layer as far as its curve allows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgebuild.compress.prune.choose import Ranking, nearest
from edgebuild.compress.prune.cost import CostModel
from edgebuild.compress.prune.goal import Goal
from edgebuild.compress.prune.sensitivity.curves import Curve

_HALVINGS = 60
_SLOPE = 1e-6
"""Added for a whole layer, so that every curve rises: where nothing is lost, all layers are cut alike."""


class Tolerance:
    """How far one group may be cut for any rise of the loss that is tolerated."""

    def __init__(self, curve: Curve, loss: float) -> None:
        """`loss` is that of the uncut model; beyond its last point the curve goes on as steep as it ever was."""
        ratios = np.array([0.0, *(point.ratio for point in curve.points)])
        raw = np.array([0.0, *(max(point.loss - loss, 0.0) for point in curve.points)])
        rises = np.maximum.accumulate(raw) + _SLOPE * ratios
        steepest = float((np.diff(rises) / np.diff(ratios)).max())
        self.highest = float(rises[-1] + steepest * (1 - ratios[-1]))
        self._ratios, self._rises = np.append(ratios, 1.0), np.append(rises, self.highest)

    def share(self, rise: float) -> float:
        """Share of the group's channels that may go."""
        return float(np.interp(rise, self._rises, self._ratios))


def choose_by_sensitivity(
    ranking: Ranking, costs: CostModel, goal: Goal, tolerances: Mapping[str, Tolerance], whole: Mapping[str, int]
) -> dict[str, list[int]]:
    """The least important channels of every group, as many as the smallest common rise of the loss allows.

    Found by bisection. A number of channels is met as nearly as whole blocks allow; anything else is an upper bound.

    Args:
        ranking: of the channels that are there now.
        costs: of the model now.
        goal: of this cut.
        tolerances: name of a group -> what its curve in the whole model allows.
        whole: name of a group -> channels that it had in the whole model, of which its share is taken.
    """

    def taken_at(rise: float) -> dict[str, int]:
        wanted = {
            name: tolerances[name].share(rise) * whole[name] - (whole[name] - size)
            for name, size in ranking.sizes.items()
            if name in tolerances
        }
        return nearest(ranking, wanted)

    def removed_at(rise: float) -> int:
        return sum(ranking.removed(taken_at(rise)).values())

    low, high = 0.0, max(one.highest for one in tolerances.values())
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        removed = ranking.removed(taken_at(middle))
        if goal.reached(costs.after(removed), sum(removed.values())):
            high = middle
        else:
            low = middle
    if goal.quantity == "channels" and goal.amount - removed_at(low) <= removed_at(high) - goal.amount:
        high = low
    return ranking.choice(taken_at(high))
