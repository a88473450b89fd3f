"""In which cuts the whole is reached: one schedule a file, registered by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgebuild.registry import Registry

if TYPE_CHECKING:
    from edgebuild.compress.prune.outcome import Draft, Outcome
    from edgebuild.compress.prune.procedure import Procedure

DEFAULT_STEPS = 4


@dataclass(frozen=True)
class Schedule:
    """One schedule.

    Attributes:
        title: one line, for the documentation.
        run: cuts channels until the goal is reached.
        shares: (number of cuts) -> how much of the whole is done after each, rising to 1; None where that depends on
            what comes of the cuts. Only a schedule that has it can set single weights to zero.
        cuts_once: it knows no `steps`.
    """

    title: str
    run: Callable[[Procedure, Draft], Outcome]
    shares: Callable[[int], list[float]] | None = None
    cuts_once: bool = False


SCHEDULES: Registry[Schedule] = Registry("schedule", "edgebuild.compress.prune.schedules")


def shares_of(schedule: str, steps: int | None) -> list[float]:
    """How much of the whole is done after each of `steps` cuts, rising to 1, where that is known beforehand."""
    found = SCHEDULES.get(schedule)
    assert found.shares is not None, "only asked of schedules that have them"
    return found.shares(steps or DEFAULT_STEPS)


def fixed_schedules() -> list[str]:
    """Names of the schedules whose cuts are known beforehand."""
    return [name for name, schedule in SCHEDULES.items() if schedule.shares is not None]


def stepwise_words(names: list[str]) -> str:
    """Those of the schedules that take `steps`, in words: `cubic or iterative`."""
    *first, last = [name for name in names if not SCHEDULES.get(name).cuts_once]
    return f"{', '.join(first)} or {last}" if first else last


def titles(names: list[str]) -> str:
    """`cubic: large cuts first; …` for these schedules."""
    return "; ".join(f"{name}: {SCHEDULES.get(name).title}" for name in names)
