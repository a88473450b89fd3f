"""Which channels go next: tracing, scoring, and the user's goal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from edgebuild.compress.layer_names import named_by
from edgebuild.compress.prune.choose import Ranking, choose_global, choose_local, nearest
from edgebuild.compress.prune.cost import Cost, CostModel
from edgebuild.compress.prune.given_ratios import ratios_of, rounded_away
from edgebuild.compress.prune.goal import goal_of
from edgebuild.compress.prune.groups import ChannelGroup, Choice, LeftAlone
from edgebuild.compress.prune.importance import Scoring, score_groups
from edgebuild.compress.prune.obstacles import goal_out_of_reach, nothing_to_cut, small_enough
from edgebuild.compress.prune.outcome import Draft
from edgebuild.compress.prune.parameters import Prune
from edgebuild.compress.prune.sensitivity.choose import Tolerance, choose_by_sensitivity
from edgebuild.compress.prune.sensitivity.curves import Analysis, analyse, point, sample_rows
from edgebuild.compress.prune.trace import Trace, trace
from edgebuild.compress.scale import Scale
from edgebuild.compress.training import Training

Makers = tuple[tuple[str, int], ...]
"""What a group is known by from cut to cut; its name may change."""


class Selection:
    """Chooses channels, cut by cut; what is found out of the whole model is kept.

    Attributes:
        heads: attention -> how many of its heads could be cut at the beginning.
        left_alone: what could not be cut at the beginning, and why.
        whole: the channels that one cut would take to reach the goal.
        analysis: what every group of the whole model would lose alone, where that is measured.
    """

    def __init__(self, parameters: Prune, scale: Scale, training: Training, seed: int) -> None:
        self._parameters, self._scale, self._training, self._seed = parameters, scale, training, seed
        self._original: dict[Makers, int] = {}
        self._ratios: dict[Makers, float] = {}
        self._before: Cost | None = None
        self._tolerances: dict[Makers, Tolerance] = {}
        self.heads: dict[str, int] = {}
        self.left_alone: tuple[LeftAlone, ...] = ()
        self.whole: Choice = {}
        self.analysis: Analysis | None = None

    @property
    def channels(self) -> int:
        """Channels that could be cut at the beginning."""
        return sum(self._original.values())

    def trace(self, draft: Draft) -> Trace:
        """What of the model can be cut.

        Raises:
            ConfigError: nothing.
        """
        parameters = self._parameters
        skipped = named_by(parameters.skip, [name for name, _ in draft.model.named_modules()])
        found = trace(draft.model, self._scale.sample, parameters.round_to, skipped)
        if not draft.cuts and not found.groups:
            raise nothing_to_cut(parameters, found.left_alone)
        return found

    def choose(self, draft: Draft, share: float) -> tuple[Trace, Choice]:
        """The channels to cut next, so that `share` of the whole cut is done.

        Raises:
            ConfigError: of the first cut: nothing can be cut, or not as much as asked.
        """
        found = self.trace(draft)
        first = self._before is None
        scores = score_groups(self._parameters.importance, self._scoring(found))
        if first:
            scored = [group for group in found.groups if group.name in scores]
            self._original = {group.makers: group.size for group in scored}
            self.heads = {group.heads.layer: group.size for group in scored if group.heads}
        least = {group.name: self._least(self._original.get(group.makers, group.size)) for group in found.groups}
        ranking = Ranking(found.groups, scores, least)
        keep = self._parameters.keep
        costs = CostModel(draft.model, found.groups, draft.now.layer_macs, 4 if keep is None else keep.item_bytes)
        if first:
            self._before = costs.after({})
            self._begin(draft, found, scores, ranking, costs)
        return found, self._choose(found, ranking, costs, share, draft.removed)

    def _begin(
        self, draft: Draft, found: Trace, scores: Mapping[str, np.ndarray], ranking: Ranking, costs: CostModel
    ) -> None:
        """What is done once, with the whole model: see that the goal can be reached, and measure what it takes."""
        parameters, before = self._parameters, costs.after({})
        alone = [*found.left_alone, *_without_score(found, scores, parameters.importance)]
        self.left_alone = tuple(alone)
        if not ranking.blocks:
            raise nothing_to_cut(parameters, alone)
        if parameters.keep is not None:
            if parameters.keep.limit(before) >= 1:
                raise small_enough(parameters, before)
            most = costs.after(ranking.everything())
            if not goal_of(parameters, 1.0, before, self.channels, 0).reached(most, 0):
                raise goal_out_of_reach(parameters, before, most, alone)
        if parameters.ratios is not None:
            layers = [name for name, _ in draft.model.named_modules()]
            ratios = ratios_of(parameters.ratios, layers, [g for g in found.groups if g.name in scores], alone)
            self._ratios = {group.makers: ratios[group.name] for group in found.groups if group.name in ratios}
        self._analyse(draft, found, scores)
        self.whole = self._choose(found, ranking, costs, 1.0, 0)
        if parameters.ratios is not None:
            self._see_all_are_cut(found.groups)
        if not self.whole:
            raise nothing_to_cut(parameters, alone)

    def _choose(self, found: Trace, ranking: Ranking, costs: CostModel, share: float, removed: int) -> Choice:
        parameters, groups = self._parameters, [group for group in found.groups if group.name in ranking.blocks]
        whole = {group.name: self._original.get(group.makers, group.size) for group in groups}
        if parameters.ratios is not None:
            ratios = {group.name: self._ratios.get(group.makers, 0.0) for group in groups}
            gone = {group.name: whole[group.name] - group.size for group in groups}
            return ranking.choice(nearest(ranking, {n: share * ratios[n] * whole[n] - gone[n] for n in ratios}))
        assert self._before is not None, "known since the first cut"
        goal = goal_of(parameters, share, self._before, self.channels, removed)
        if parameters.scope == "sensitivity":
            allowed = {g.name: self._tolerances[g.makers] for g in groups if g.makers in self._tolerances}
            return choose_by_sensitivity(ranking, costs, goal, allowed, whole)
        choose = choose_global if parameters.scope == "global" else choose_local
        return choose(ranking, costs, goal)

    def _analyse(self, draft: Draft, found: Trace, scores: Mapping[str, np.ndarray]) -> None:
        """Measure the curves, where they are asked for."""
        parameters, wanted = self._parameters, self._parameters.analysis()
        if wanted is None:
            return
        scale = self._scale.on(sample_rows(len(self._scale.targets), wanted.samples, self._seed))
        whole = point(draft.model, 0.0, scale, self._training)
        curves = analyse(draft.model, found, scores, wanted.ratios, scale, self._training)
        metric = scale.metric
        self.analysis = Analysis(
            metric.name, metric.unit, parameters.importance, len(scale.targets), whole, tuple(curves)
        )
        makers = {group.name: group.makers for group in found.groups}
        self._tolerances = {makers[curve.group]: Tolerance(curve, whole.loss) for curve in curves}

    def _see_all_are_cut(self, groups: Sequence[ChannelGroup]) -> None:
        ratios = {group.name: self._ratios[group.makers] for group in groups if group.makers in self._ratios}
        error = rounded_away(ratios, groups, self.whole, self._parameters.round_to)
        if error is not None:
            raise error

    def _scoring(self, found: Trace) -> Scoring:
        samples = self._parameters.samples
        return Scoring(found, lambda: self._training.batches(samples), self._training.loss(), self._seed)

    def _least(self, original: int) -> int:
        # Rounded first: 0.1 of 80 is 8, not the 8.000000000000002 that would need a ninth channel.
        return max(1, math.ceil(round((1 - self._parameters.max_ratio) * original, 6)))


def _without_score(found: Trace, scores: Mapping[str, Any], importance: str) -> list[LeftAlone]:
    silent = [group for group in found.groups if group.name not in scores]
    return [LeftAlone(name, f"{importance} says nothing of it") for group in silent for name in group.producers]
