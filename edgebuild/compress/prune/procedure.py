"""Pruning: choose, cut, train, measure, and again, until the goal is met or too much is lost."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgebuild.compress.open_attention import open_attentions
from edgebuild.compress.prune.choose import Goal, Ranking, choose_global, choose_local
from edgebuild.compress.prune.cost import CostModel
from edgebuild.compress.prune.cut import apply, edits_of
from edgebuild.compress.prune.groups import Choice, LeftAlone, cut_layers
from edgebuild.compress.prune.heads.adopt import adopt_attentions
from edgebuild.compress.prune.importance import Scoring, score_groups
from edgebuild.compress.prune.measure import Measurement, Scale
from edgebuild.compress.prune.obstacles import first_cut_lost_too_much, goal_out_of_reach, nothing_to_cut
from edgebuild.compress.prune.parameters import Prune
from edgebuild.compress.prune.skip import named_by
from edgebuild.compress.prune.trace import Trace, trace
from edgebuild.compress.training import Training

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Cut:
    """One cut and what came of it.

    Attributes:
        removed: channels that went.
        layers: those that lost output channels.
        lost: how much worse the metric is than before the first cut, after training; in its unit.
        history: one row per epoch.
    """

    removed: int
    layers: tuple[str, ...]
    after: Measurement
    lost: float
    history: tuple[dict[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, without the history."""
        return {**self.after.to_json(), "channels": self.removed, "lost": self.lost}


@dataclass(frozen=True)
class Outcome:
    """A pruned model.

    Attributes:
        model: cut and trained.
        edits: what was cut, to be replayed on the model as it came.
        channels: how many it had that could be cut; a head of an attention counts as one.
        heads: attention -> how many of its heads could be cut.
        left_alone: what could not be cut at the beginning, and why.
        cuts: the cuts that stayed.
        refused: the cut that lost too much and was taken back, where there was one.
    """

    model: torch.nn.Module
    edits: tuple[dict[str, Any], ...]
    before: Measurement
    channels: int
    heads: Mapping[str, int]
    left_alone: tuple[LeftAlone, ...]
    cuts: tuple[Cut, ...]
    refused: Cut | None


def prune(model: torch.nn.Module, parameters: Prune, scale: Scale, training: Training, seed: int) -> Outcome:
    """Prune `model`, which is changed.

    Raises:
        ConfigError: nothing can be cut, or not as much as asked, or already the first cut loses more than
            `max_accuracy_drop`.
    """
    edits = [*open_attentions(model), *adopt_attentions(model, scale.sample, parameters.skip)]
    before = scale.measure(model)
    procedure = _Procedure(parameters, scale, training, seed, before)
    cuts: list[Cut] = []
    for share in parameters.cuts():
        last = share >= 1
        kept = copy.deepcopy(model)
        found, choice = procedure.choose(model, share)
        if not choice and not last:
            continue  # too little for one more block of channels
        new = edits_of(model, found.groups, choice)
        apply(model, new)
        cut = procedure.train_and_measure(model, found, choice, last=last)
        if procedure.loses_too_much(cut):
            if not cuts:
                raise first_cut_lost_too_much(parameters, scale, before, cut.after, cut.lost)
            model, cuts[-1] = procedure.settle(kept, cuts[-1])
            return procedure.outcome(model, edits, cuts, cut)
        edits += new
        cuts.append(cut)
    return procedure.outcome(model, edits, cuts, None)


class _Procedure:
    """What stays the same from cut to cut."""

    def __init__(self, parameters: Prune, scale: Scale, training: Training, seed: int, before: Measurement) -> None:
        self._parameters, self._scale, self._training, self._seed = parameters, scale, training, seed
        self._before = self._now = before
        self._original: dict[tuple[tuple[str, int], ...], int] = {}
        self.heads: dict[str, int] = {}  # attention -> how many of its heads could be cut at the beginning
        self.left_alone: tuple[LeftAlone, ...] = ()
        self._removed = 0
        finetune = parameters.finetune
        self._epochs = finetune.between * (len(parameters.cuts()) - 1) + finetune.epochs
        self._epochs_done = 0

    @property
    def channels(self) -> int:
        """Channels that could be cut at the beginning."""
        return sum(self._original.values())

    def outcome(
        self, model: torch.nn.Module, edits: Sequence[dict[str, Any]], cuts: Sequence[Cut], refused: Cut | None
    ) -> Outcome:
        """What came of it all."""
        parts = (self._before, self.channels, self.heads, self.left_alone)
        return Outcome(model, tuple(edits), *parts, tuple(cuts), refused)

    def choose(self, model: torch.nn.Module, share: float) -> tuple[Trace, Choice]:
        """The channels to cut next, so that `share` of the whole cut is done."""
        parameters = self._parameters
        skipped = named_by(parameters.skip, [name for name, _ in model.named_modules()])
        found = trace(model, self._scale.sample, parameters.round_to, skipped)
        first = not self._original
        if first and not found.groups:
            raise nothing_to_cut(parameters, found.left_alone)
        scores = score_groups(parameters.importance, self._scoring(found))
        if first:
            self._original = {group.makers: group.size for group in found.groups if group.name in scores}
            self.heads = {
                group.heads.layer: group.size for group in found.groups if group.heads and group.name in scores
            }
        least = {group.name: self._least(self._original.get(group.makers, group.size)) for group in found.groups}
        ranking = Ranking(found.groups, scores, least)
        costs = CostModel(model, found.groups, self._now.layer_macs)
        choose = choose_global if parameters.scope == "global" else choose_local
        if first:
            alone = [*found.left_alone, *_without_score(found, scores, parameters.importance)]
            self.left_alone = tuple(alone)
            whole = self._goal(1.0)
            most = costs.after(ranking.everything())
            if not ranking.blocks:
                raise nothing_to_cut(parameters, alone)
            if whole.quantity != "channels" and not whole.reached(most, 0):
                raise goal_out_of_reach(parameters, self._before, most, alone)
            if not choose(ranking, costs, whole):
                raise nothing_to_cut(parameters, alone)
        return found, choose(ranking, costs, self._goal(share))

    def train_and_measure(self, model: torch.nn.Module, found: Trace, choice: Choice, *, last: bool) -> Cut:
        """Train after a cut; what came of it.

        A cut that has lost too much after the few epochs between two cuts is given those of the last one.
        """
        finetune = self._parameters.finetune
        removed = sum(len(channels) for channels in choice.values())
        self._removed += removed
        history = self._tune(model, finetune.epochs if last else finetune.between)
        cut = self._cut(model, removed, tuple(cut_layers(found.groups, choice)), history)
        if not last and self.loses_too_much(cut):
            history += self._tune(model, finetune.epochs)
            cut = self._cut(model, removed, cut.layers, history)
        return cut

    def loses_too_much(self, cut: Cut) -> bool:
        """Whether the cut is beyond `max_accuracy_drop`."""
        bound = self._parameters.max_accuracy_drop
        return bound is not None and cut.lost > bound

    def settle(self, model: torch.nn.Module, cut: Cut) -> tuple[torch.nn.Module, Cut]:
        """The model of an earlier cut, which becomes the last one: trained as such, where that makes it better."""
        tuned = copy.deepcopy(model)
        history = [*cut.history, *self._tune(tuned, self._parameters.finetune.epochs)]
        better = self._cut(tuned, cut.removed, cut.layers, history)
        return (tuned, better) if better.lost <= cut.lost else (model, cut)

    def _tune(self, model: torch.nn.Module, epochs: int) -> list[dict[str, Any]]:
        if not epochs:
            return []
        start = min(self._epochs_done / self._epochs, 1.0)
        self._epochs_done += epochs
        rows = self._training.tune(model, epochs, start, min(self._epochs_done / self._epochs, 1.0))
        return [row.to_json() for row in rows]

    def _cut(
        self, model: torch.nn.Module, removed: int, layers: tuple[str, ...], history: Sequence[dict[str, Any]]
    ) -> Cut:
        self._now = self._scale.measure(model)
        return Cut(removed, layers, self._now, self._scale.lost(self._before, self._now), tuple(history))

    def _scoring(self, found: Trace) -> Scoring:
        samples = self._parameters.samples
        return Scoring(found, lambda: self._training.batches(samples), self._training.loss(), self._seed)

    def _least(self, original: int) -> int:
        # Rounded first: 0.1 of 80 is 8, not the 8.000000000000002 that would need a ninth channel.
        return max(1, math.ceil(round((1 - self._parameters.max_ratio) * original, 6)))

    def _goal(self, share: float) -> Goal:
        keep, ratio = self._parameters.keep, self._parameters.ratio
        if keep is None:
            assert ratio is not None
            return Goal("channels", round(share * ratio * self.channels) - self._removed)
        if keep.macs is not None:
            return Goal("macs", math.floor((1 - share * (1 - keep.macs)) * self._before.macs))
        assert keep.parameters is not None
        return Goal("parameters", math.floor((1 - share * (1 - keep.parameters)) * self._before.parameters))


def _without_score(found: Trace, scores: Mapping[str, Any], importance: str) -> list[LeftAlone]:
    silent = [group for group in found.groups if group.name not in scores]
    return [LeftAlone(name, f"{importance} says nothing of it") for group in silent for name in group.producers]
