"""Which layers become factors, by which method and of which ranks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgebuild.compress.factorize.candidates import Candidate, Options
from edgebuild.compress.factorize.layers import LeftAlone
from edgebuild.compress.factorize.parameters import Factorize

_HALVINGS = 60


@dataclass(frozen=True)
class Choice:
    """What was chosen, and what was not."""

    chosen: tuple[Candidate, ...]
    left_alone: tuple[LeftAlone, ...]


class OutOfReachError(Exception):
    """Even the smallest ranks leave more than asked; `saved` is the most that they save of what is asked for."""

    def __init__(self, saved: int, left_alone: Sequence[LeftAlone]) -> None:
        super().__init__()
        self.saved, self.left_alone = saved, tuple(left_alone)


def choose(options: Sequence[Options], parameters: Factorize, allowed: int | None) -> Choice:
    """One candidate for every layer that gets any.

    Args:
        options: of every layer that can be replaced.
        parameters: of the step.
        allowed: with a goal for the whole model, what the layers of `options` may cost together; None without.

    Raises:
        OutOfReachError: there is no choice within `allowed`.
    """
    alone = [LeftAlone(one.layer.name, one.reason) for one in options if not one.candidates]
    able = [one for one in options if one.candidates]
    rank = parameters.rank
    if rank.goal is not None:
        assert allowed is not None
        chosen, whole = _for_goal(
            able, rank.goal, allowed - sum(_cost(one, rank.goal) for one in options if not one.candidates), alone
        )
        return Choice(chosen, (*alone, *(LeftAlone(name, "the goal is met without it") for name in whole)))
    found: list[Candidate] = []
    for one in able:
        candidates = one.candidates
        if rank.energy is not None:
            candidates = tuple(each for each in candidates if each.lost <= 1 - rank.energy)
        if candidates:
            found.append(min(candidates, key=lambda each: (each.macs, each.parameters, each.lost)))
        else:
            reason = f"it would not get cheaper with {rank.energy:.1%} of its energy"
            alone.append(LeftAlone(one.layer.name, reason))
    return Choice(tuple(found), tuple(alone))


def _cost(one: Options | Candidate, goal: str) -> int:
    return one.macs if goal == "macs" else one.parameters


def _for_goal(
    able: Sequence[Options], goal: str, allowed: int, alone: Sequence[LeftAlone]
) -> tuple[tuple[Candidate, ...], list[str]]:
    """The choice with the largest product of kept energies within `allowed`, as near as one price for cost finds it.

    H. Everett, Generalized Lagrange Multiplier Method, Operations Research 1963: every layer takes what is best at
    the price, and the price is the lowest that meets the goal. What it leaves is then spent where it helps most.
    """
    total = sum(_cost(one, goal) for one in able) or 1

    def at(price: float) -> list[Candidate | None]:
        return [_best(one, lambda damage, cost: damage + price * cost / total, goal) for one in able]

    def spent(picked: Sequence[Candidate | None]) -> int:
        return sum(_cost(each or one, goal) for one, each in zip(able, picked, strict=True))

    smallest = [min(one.candidates, key=lambda each: (_cost(each, goal), each.damage)) for one in able]
    if spent(smallest) > allowed:
        raise OutOfReachError(sum(_cost(one, goal) for one in able) - spent(smallest), alone)
    picked: list[Candidate | None] = list(smallest)
    low, high = -8.0, 8.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        tried = at(10**middle)
        if spent(tried) <= allowed:
            picked, high = tried, middle
        else:
            low = middle
    picked = _spend_the_rest(able, picked, goal, allowed - spent(picked))
    whole = [one.layer.name for one, each in zip(able, picked, strict=True) if each is None]
    return tuple(each for each in picked if each is not None), whole


def _best(one: Options, value: Callable[[float, int], float], goal: str) -> Candidate | None:
    best, least = None, value(0.0, _cost(one, goal))
    for each in one.candidates:
        found = value(each.damage, _cost(each, goal))
        if found < least:
            best, least = each, found
    return best


def _spend_the_rest(
    able: Sequence[Options], picked: Sequence[Candidate | None], goal: str, left: int
) -> list[Candidate | None]:
    """Take better candidates as long as they are paid for, each time the one that saves most damage."""
    now = list(picked)
    while True:
        better: list[tuple[float, int, Candidate | None, int]] = []
        for place, (one, current) in enumerate(zip(able, now, strict=True)):
            if current is None:
                continue
            for each in (*one.candidates, None):
                more = _cost(each or one, goal) - _cost(current, goal)
                gain = current.damage - (each.damage if each is not None else 0.0)
                if more <= left and gain > 1e-12:
                    better.append((gain, place, each, more))
        if not better:
            return now
        _, place, each, more = max(better, key=lambda item: (item[0], -item[3], -item[1]))
        now[place] = each
        left -= more
