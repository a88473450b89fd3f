"""The ways to factorize a weight: one a file, registered under the name it has in a plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edgebuild.compress.factorize.factors import Factor
from edgebuild.compress.factorize.layers import Layer
from edgebuild.registry import Registry

Ranks = tuple[int, ...]
Losses = Callable[[Ranks], float]
"""ranks -> the share of the weight's squared norm that is lost, in [0, 1]"""


@dataclass(frozen=True)
class Method:
    """One way to factorize.

    Attributes:
        why_not: why it does not fit a layer; None where it does.
        full: the ranks of a layer that lose nothing, where they are bounded; they bound the ranks that are tried.
        factors: the layers that ranks lead to, in their order; a rank that is full may save a factor.
        losses: reads the weight once; asked for many ranks. The seed is that of anything random in it.
        weights: the weight of every factor, float64, in their order.
        vbmf: the ranks that variational Bayes finds, not rounded; None where it says nothing of such ranks.
        whole_sides: whether one rank may be full while another is not.
        most_tried: how many ranks are looked at for a goal of the whole model, where each takes long; None for all.
    """

    why_not: Callable[[Layer], str | None]
    full: Callable[[Layer], Ranks]
    factors: Callable[[Layer, Ranks], list[Factor]]
    losses: Callable[[Layer, int], Losses]
    weights: Callable[[Layer, Ranks, int], Sequence[np.ndarray]]
    vbmf: Callable[[Layer], Ranks] | None = None
    whole_sides: bool = False
    most_tried: int | None = None


METHODS: Registry[Method] = Registry("factorization", "edgebuild.compress.factorize.methods")


def lost_behind(singular: np.ndarray) -> Losses:
    """The losses of cutting a matrix of these singular values, largest first, to a rank (Eckart and Young, 1936)."""
    squares = singular**2
    total = float(squares.sum()) or 1.0
    behind = np.concatenate([np.cumsum(squares[::-1])[::-1], [0.0]]) / total
    return lambda ranks: float(behind[min(ranks[0], len(squares))])


def two_factors(matrix: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """(left [m, rank], right [rank, n]) with the least squared error, each channel of the same norm on both sides.

    Equal norms leave a quantizer ranges that are alike.
    """
    left, singular, right = np.linalg.svd(matrix, full_matrices=False)
    root = np.sqrt(singular[:rank])
    return left[:, :rank] * root, root[:, None] * right[:rank]
