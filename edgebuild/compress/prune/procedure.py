"""Pruning: choose, cut, train, measure, and again, until the goal is met or too much is lost."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edgebuild.compress.open_attention import open_attentions
from edgebuild.compress.prune.cut import apply, edits_of
from edgebuild.compress.prune.groups import cut_layers
from edgebuild.compress.prune.heads.adopt import adopt_attentions
from edgebuild.compress.prune.obstacles import first_cut_lost_too_much
from edgebuild.compress.prune.outcome import Attempt, Cut, Draft, Outcome
from edgebuild.compress.prune.parameters import Prune
from edgebuild.compress.prune.schedules import SCHEDULES
from edgebuild.compress.prune.selection import Selection
from edgebuild.compress.prune.sparsify.regularise import Regularised, regularise
from edgebuild.compress.scale import Measurement, Scale
from edgebuild.compress.training import Training
from edgebuild.errors import ConfigError

if TYPE_CHECKING:
    import torch


def prune(model: torch.nn.Module, parameters: Prune, scale: Scale, training: Training, seed: int) -> Outcome:
    """Prune a copy of `model`, which is put in eval mode.

    Raises:
        ConfigError: nothing can be cut, or not as much as asked, or no cut stays within the bound on what may be lost.
    """
    model = copy.deepcopy(model)
    edits = [*open_attentions(model), *adopt_attentions(model, scale.sample, parameters.skip)]
    before = scale.measure(model)
    procedure = Procedure(parameters, scale, training, seed, before)
    draft = procedure.regularised(Draft(model, before, tuple(edits)))
    return SCHEDULES.get(parameters.schedule).run(procedure, draft)


class Procedure:
    """What a schedule is made of: trying a cut, judging it, training on."""

    def __init__(self, parameters: Prune, scale: Scale, training: Training, seed: int, before: Measurement) -> None:
        self.parameters = parameters
        self._scale, self._training, self._before = scale, training, before
        self._selection = Selection(parameters, scale, training, seed)
        self._regularised: tuple[Regularised, Measurement] | None = None
        finetune, (between, last) = parameters.finetune, parameters.expected_trainings()
        first = 0 if parameters.sparsify is None else parameters.sparsify.epochs
        self._epochs = first + finetune.between * between + finetune.epochs * last
        self._epochs_done = 0

    def regularised(self, draft: Draft) -> Draft:
        """The model after the training before the first cut, where there is one."""
        sparsify = self.parameters.sparsify
        if sparsify is None:
            return draft
        groups = self._selection.trace(draft).groups
        part = self._part(sparsify.epochs)
        found = regularise(draft.model, groups, sparsify, self._training, part)
        now = self._scale.measure(found.model)
        self._regularised = (found, now)
        return replace(draft, model=found.model, now=now)

    def advance(self, draft: Draft, share: float, *, last: bool) -> Draft | None:
        """Cut until `share` of the whole is done, and train; None where that is too little for one block of channels.

        A cut that has lost too much after the few epochs between two cuts is given those of the last one.

        Raises:
            ConfigError: of the first cut: nothing can be cut, or not as much as asked.
        """
        found, choice = self._selection.choose(draft, share)
        if not choice and not last:
            return None
        new = edits_of(draft.model, found.groups, choice)
        model = copy.deepcopy(draft.model)
        apply(model, new)
        removed, layers = sum(len(channels) for channels in choice.values()), tuple(cut_layers(found.groups, choice))
        finetune = self.parameters.finetune
        history = self._tune(model, finetune.epochs if last else finetune.between)
        cut = self._cut(model, removed, layers, history)
        if not last and self.loses_too_much(cut):
            history += self._tune(model, finetune.epochs)
            cut = self._cut(model, removed, layers, history)
        return Draft(model, cut.after, (*draft.edits, *new), (*draft.cuts, cut))

    def loses_too_much(self, cut: Cut) -> bool:
        """Whether the cut is beyond what may be lost."""
        bound = self.parameters.bound()
        return bound is not None and cut.lost > bound

    def first_cut_lost_too_much(self, cut: Cut) -> ConfigError:
        """What to say where nothing can be kept."""
        return first_cut_lost_too_much(self.parameters, self._scale, self._before, cut.after, cut.lost)

    def trained_to_the_end(self, draft: Draft) -> Draft:
        """An earlier cut, which becomes the last one: trained as such, where that makes it better."""
        return self._trained(draft, self.parameters.finetune.epochs)

    def trained_on(self, draft: Draft) -> Draft:
        """A model to which another cut will be tried: trained as between two cuts, where that makes it better."""
        return self._trained(draft, self.parameters.finetune.between) if draft.cuts else draft

    def outcome(self, draft: Draft, refused: Cut | None = None, attempts: Sequence[Attempt] = ()) -> Outcome:
        """The end."""
        analysis = self._selection.analysis
        return Outcome(
            draft.model,
            draft.edits,
            self._before,
            self._selection.channels,
            self._selection.heads,
            self._selection.left_alone,
            draft.cuts,
            refused,
            tuple(attempts),
            sparsify=self._of_sparsify(),
            sensitivity=None if analysis is None else analysis.to_json(),
        )

    def _trained(self, draft: Draft, epochs: int) -> Draft:
        tuned, cut = copy.deepcopy(draft.model), draft.cuts[-1]
        history = [*cut.history, *self._tune(tuned, epochs)]
        better = self._cut(tuned, cut.removed, cut.layers, history)
        return Draft(tuned, better.after, draft.edits, (*draft.cuts[:-1], better)) if better.lost <= cut.lost else draft

    def _tune(self, model: torch.nn.Module, epochs: int) -> list[dict[str, Any]]:
        if not epochs:
            return []
        rows = self._training.tune(model, epochs, *self._part(epochs))
        return [row.to_json() for row in rows]

    def _part(self, epochs: int) -> tuple[float, float]:
        """From where to where in the work of the step the next epochs lead."""
        start = min(self._epochs_done / self._epochs, 1.0)
        self._epochs_done += epochs
        return start, min(self._epochs_done / self._epochs, 1.0)

    def _cut(
        self, model: torch.nn.Module, removed: int, layers: tuple[str, ...], history: Sequence[dict[str, Any]]
    ) -> Cut:
        now = self._scale.measure(model)
        return Cut(removed, layers, now, self._scale.lost(self._before, now), tuple(history))

    def _of_sparsify(self) -> dict[str, Any] | None:
        """What came of the training before the first cut, told of the channels that one cut would take to the goal."""
        sparsify = self.parameters.sparsify
        if sparsify is None or self._regularised is None:
            return None
        found, now = self._regularised
        return {
            "kind": sparsify.kind,
            "weight": sparsify.weight,
            "epochs": len(found.history),
            "quality": {"before": self._before.quality, "after": now.quality},
            "sizes": found.fell(self._selection.whole),
            "history": found.history,
        }
