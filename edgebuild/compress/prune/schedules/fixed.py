"""Schedules whose cuts are known beforehand: one, equal ones, or the largest ones first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgebuild.compress.prune.outcome import Draft, Outcome
from edgebuild.compress.prune.schedules import SCHEDULES, Schedule

if TYPE_CHECKING:
    from edgebuild.compress.prune.procedure import Procedure


def in_fixed_cuts(procedure: Procedure, draft: Draft) -> Outcome:
    """Make every cut of the schedule, until one loses more than `max_accuracy_drop`, which is taken back.

    Raises:
        ConfigError: already the first cut loses too much.
    """
    for share in procedure.parameters.cuts():
        tried = procedure.advance(draft, share, last=share >= 1)
        if tried is None:
            continue  # too little for one more block of channels
        cut = tried.cuts[-1]
        if procedure.loses_too_much(cut):
            if not draft.cuts:
                raise procedure.first_cut_lost_too_much(cut)
            return procedure.outcome(procedure.trained_to_the_end(draft), refused=cut)
        draft = tried
    return procedure.outcome(draft)


def one_shot(steps: int) -> list[float]:
    """All in one cut."""
    return [1.0]


def iterative(steps: int) -> list[float]:
    """Equal cuts."""
    return [step / steps for step in range(1, steps + 1)]


def cubic(steps: int) -> list[float]:
    """1 - (1 - t)^3 (Zhu and Gupta, To prune, or not to prune, 2017, equation 1)."""
    return [1 - (1 - share) ** 3 for share in iterative(steps)]


SCHEDULES.register("one_shot")(Schedule("one cut", in_fixed_cuts, one_shot, cuts_once=True))
SCHEDULES.register("iterative")(Schedule("equal cuts", in_fixed_cuts, iterative))
SCHEDULES.register("cubic")(Schedule("large cuts first", in_fixed_cuts, cubic))
