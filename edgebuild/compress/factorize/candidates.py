"""The ways to replace one layer by factors that are cheaper."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from edgebuild.compress.factorize import factors
from edgebuild.compress.factorize.factors import Factor
from edgebuild.compress.factorize.layers import Layer
from edgebuild.compress.factorize.methods import METHODS, Ranks
from edgebuild.compress.factorize.parameters import Factorize

_AUTO = ("svd", "spatial_svd", "tucker2")
"""CP is asked for by name: its least squares are slow, and its many thin layers are hard to train (Lebedev, 2015)."""


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
        tried = [one for name in fitting for one in _tried(layer, name, parameters, own, seed)]
    cheaper = tuple(one for one in tried if one is not None and one.macs < own[0] and one.parameters < own[1])
    return Options(layer, *own, cheaper, "" if cheaper else _not_cheaper(tried, own, parameters.round_to))


def _not_cheaper(tried: Sequence[Candidate | None], own: tuple[int, int], round_to: int) -> str:
    if tried == [None]:
        return "its rank is full: there is nothing to leave out"
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


def _tried(layer: Layer, name: str, parameters: Factorize, own: tuple[int, int], seed: int) -> Iterator[Candidate]:
    """Candidates that make the layer cheaper; of a method that is slow to judge, only as many as are needed."""
    method = METHODS.get(name)
    cheaper: list[tuple[Ranks, list[Factor], tuple[int, int]]] = []
    for ranks in _grid(method.full(layer), parameters.round_to, whole_sides=method.whole_sides):
        new = method.factors(layer, ranks)
        cost = factors.macs(layer, new), factors.parameters(new)
        if cost[0] >= own[0] or cost[1] >= own[1]:
            if len(ranks) == 1:
                break  # larger ones cost more
            continue
        cheaper.append((ranks, new, cost))
    if not cheaper:
        return
    losses = method.losses(layer, seed)
    if method.most_tried is not None:
        energy = parameters.rank.energy
        places = (
            _spread(len(cheaper), method.most_tried)
            if energy is None
            else [bisect_left(cheaper[:-1], True, key=lambda each: losses(each[0]) <= 1 - energy)]
        )
        cheaper = [cheaper[place] for place in places]
    for ranks, new, cost in cheaper:
        yield Candidate(layer.name, name, ranks, losses(ranks), *cost, tuple(new))


def _spread(count: int, most: int) -> list[int]:
    """At most so many places out of `count`, the first and the last among them."""
    return list(range(count)) if count <= most else [round(step * (count - 1) / (most - 1)) for step in range(most)]


def _grid(full: Ranks, round_to: int, *, whole_sides: bool) -> Iterator[Ranks]:
    sides = [[*range(round_to, size, round_to), *([size] if whole_sides else [])] for size in full]
    return (ranks for ranks in product(*sides) if ranks != full)
