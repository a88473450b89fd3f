"""Cuts whose size follows what came of the cuts before: larger while the model recovers, smaller where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgebuild.compress.prune.outcome import Attempt, Draft, Outcome
from edgebuild.compress.prune.schedules import DEFAULT_STEPS, SCHEDULES, Schedule

if TYPE_CHECKING:
    from edgebuild.compress.prune.procedure import Procedure

_SMALLEST = 0.02
"""Of the whole cut; a smaller one is not tried any more."""


def by_feedback(procedure: Procedure, draft: Draft) -> Outcome:
    """Cut, train, and see whether at most `recover` is lost: then the next cut is twice as large.

    Otherwise the cut is taken back, the model as it was is trained on, and a cut half as large is tried. What did not
    recover once is come near to from below only, by halving the way. The end is the goal, or a cut that is too small;
    the outcome is the model with the most cut away that met the bound.

    Raises:
        ConfigError: no cut recovered.
    """
    done, size, beyond = 0.0, 1 / (procedure.parameters.steps or DEFAULT_STEPS), 1.0
    attempts: list[Attempt] = []
    refused = None
    while done < 1 and size >= _SMALLEST:
        share = min(done + size, 1.0)
        tried = procedure.advance(draft, share, last=share >= 1)
        if tried is None:  # too little for one more block of channels
            if refused is not None:
                break
            done = share
            continue
        cut = tried.cuts[-1]
        kept = not procedure.loses_too_much(cut)
        attempts.append(Attempt(share, cut, kept))
        if kept:
            draft, done, size = tried, share, 2 * size
        else:
            refused, beyond, size = cut, share, size / 2
            draft = procedure.trained_on(draft)
        if refused is not None:
            size = min(size, (beyond - done) / 2)
    if not draft.cuts:
        assert attempts, "a first cut is always tried: the whole one is possible"
        raise procedure.first_cut_lost_too_much(attempts[-1].cut)
    if done < 1:
        draft = procedure.trained_to_the_end(draft)
    return procedure.outcome(draft, refused=None if done >= 1 else refused, attempts=attempts)


SCHEDULES.register("feedback")(Schedule("larger cuts while the model recovers, smaller ones else", by_feedback))
