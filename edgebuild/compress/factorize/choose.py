"""Which layers become factors, by which method and of which ranks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from edgebuild.compress.factorize import factors
from edgebuild.compress.factorize.factors import Factor
from edgebuild.compress.factorize.layers import Layer, LeftAlone
from edgebuild.compress.factorize.methods import METHODS, Ranks
from edgebuild.compress.factorize.parameters import Factorize

_AUTO = ("svd", "spatial_svd", "tucker2")
"""CP is asked for by name: its least squares are slow, and its many thin layers are hard to train (Lebedev, 2015)."""

_HALVINGS = 60


@dataclass(frozen=True)
class Candidate:
    """One way to replace one layer.

    Attributes:
        lost: share of the weight's squared norm.
        macs, parameters: of all factors together.
    """

    layer: str
    method: str
    ranks: Ranks
    lost: float
    macs: int
    parameters: int
    factors: tuple[Factor, ...]

    @property
    def damage(self) -> float:
        """Minus the logarithm of the energy that is kept: of layers behind each other, it adds up."""
        return -math.log(max(1 - self.lost, 1e-9))


@dataclass(frozen=True)
class Options:
    """The ways to replace one layer that make it cheaper; `reason` says why there are none."""

    layer: Layer
    macs: int
    parameters: int
    candidates: tuple[Candidate, ...]
    reason: str = ""


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


def options_of(layer: Layer, parameters: Factorize, seed: int) -> Options:
    """Every rank that makes the layer cheaper, in multiply-accumulates and in parameters, by every method that fits.

    With a ratio or VBMF there is at most one.
    """
    whole = [dict(layer.arguments)]
    own = (factors.macs(layer, whole), factors.parameters(whole))
    names = _AUTO if parameters.kind == "auto" else (parameters.kind,)
    reasons = {name: METHODS.get(name).why_not(layer) for name in names}
    fitting = [name for name in names if reasons[name] is None]
    if not fitting:
        return Options(layer, *own, (), next(reason for reason in reasons.values() if reason is not None))
    if parameters.rank.ratio is not None or parameters.rank.vbmf:
        name = "tucker2" if "tucker2" in fitting else fitting[0]
        tried = [_candidate(layer, name, _fixed(layer, name, parameters), seed)]
    else:
        tried = [one for name in fitting for one in _tried(layer, name, parameters.round_to, own, seed)]
    cheaper = tuple(one for one in tried if one is not None and one.macs < own[0] and one.parameters < own[1])
    return Options(layer, *own, cheaper, "" if cheaper else _not_cheaper(tried, own, parameters.round_to))


def _not_cheaper(tried: Sequence[Candidate | None], own: tuple[int, int], round_to: int) -> str:
    only = tried[0] if len(tried) == 1 else None
    if only is None:
        return f"it would not get cheaper with any rank that is a multiple of {round_to}"
    shares = f"{only.macs / own[0]:.0%} of its MACs and {only.parameters / own[1]:.0%} of its parameters"
    return f"it would not get cheaper: with rank {words_of(only.ranks)} it takes {shares}"


def words_of(ranks: Ranks) -> str:
    """Ranks for people."""
    return " and ".join(str(rank) for rank in ranks)


def _fixed(layer: Layer, name: str, parameters: Factorize) -> Ranks:
    """The one choice of ranks, rounded up."""
    method, step = METHODS.get(name), parameters.round_to
    full = method.full(layer)
    if parameters.rank.ratio is not None:
        wanted = tuple(math.ceil(round(parameters.rank.ratio * size, 6)) for size in full)
    else:
        assert method.vbmf is not None
        wanted = method.vbmf(layer)
    return tuple(min(size, max(1, math.ceil(rank / step)) * step) for rank, size in zip(wanted, full, strict=True))


def _candidate(layer: Layer, name: str, ranks: Ranks, seed: int) -> Candidate | None:
    method = METHODS.get(name)
    if ranks == method.full(layer) and method.whole_sides:
        return None
    new = method.factors(layer, ranks)
    lost = method.losses(layer, seed)(ranks)
    return Candidate(layer.name, name, ranks, lost, factors.macs(layer, new), factors.parameters(new), tuple(new))


def _tried(layer: Layer, name: str, round_to: int, own: tuple[int, int], seed: int) -> Iterator[Candidate]:
    """Candidates that make the layer cheaper."""
    method = METHODS.get(name)
    cheaper = []
    for ranks in _grid(method.full(layer), round_to, whole_sides=method.whole_sides):
        new = method.factors(layer, ranks)
        cost = factors.macs(layer, new), factors.parameters(new)
        if cost[0] >= own[0] or cost[1] >= own[1]:
            if len(ranks) == 1:
                break  # larger ones cost more
            continue
        cheaper.append((ranks, new, cost))
    if method.most_tried is not None and len(cheaper) > method.most_tried:
        last = len(cheaper) - 1
        cheaper = [cheaper[last - round(step * last / (method.most_tried - 1))] for step in range(method.most_tried)]
    if not cheaper:
        return
    losses = method.losses(layer, seed)
    for ranks, new, cost in cheaper:
        yield Candidate(layer.name, name, ranks, losses(ranks), *cost, tuple(new))


def _grid(full: Ranks, round_to: int, *, whole_sides: bool) -> Iterator[Ranks]:
    sides = [[*range(round_to, size, round_to), *([size] if whole_sides else [])] for size in full]
    return (ranks for ranks in product(*sides) if ranks != full)


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
