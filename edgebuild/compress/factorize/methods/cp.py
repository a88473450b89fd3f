"""`cp`: a convolution becomes 1x1, one convolution by channel for every direction of the kernel, and 1x1.

V. Lebedev, Y. Ganin, M. Rakhuba, I. Oseledets, V. Lempitsky, Speeding-up Convolutional Neural Networks Using Fine-tuned
CP-Decomposition, ICLR 2015. The factors are tensorly's, by alternating least squares.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from edgebuild.compress.factorize.factors import Factor, pointwise, spatial
from edgebuild.compress.factorize.layers import Layer
from edgebuild.compress.factorize.methods import METHODS, Losses, Method, Ranks

_ITERATIONS = 100
_ITERATIONS_TO_JUDGE = 20
"""Enough to tell ranks apart; the factors that are made lose less than is told."""

_TOLERANCE = 1e-6
_RIDGE = 1e-6
"""Of the squared norm of the weight: keeps components from growing against each other."""


def _why_not(layer: Layer) -> str | None:
    if not layer.is_linear and min(layer.kernel) > 1:
        return None
    return "cp is for convolutions with a kernel larger than 1 in every direction"


def _full(layer: Layer) -> Ranks:
    """No tensor needs more than the product of all its sizes but the largest."""
    return (layer.weight.size // max(layer.weight.shape),)


def _factors(layer: Layer, ranks: Ranks) -> list[Factor]:
    (rank,) = ranks
    by_channel = [spatial(layer, rank, rank, [axis], groups=rank) for axis in range(len(layer.kernel))]
    last = pointwise(layer, rank, layer.outputs, bias=layer.arguments["bias"])
    return [pointwise(layer, layer.inputs, rank), *by_channel, last]


def _decomposed(layer: Layer, rank: int, seed: int, iterations: int) -> list[np.ndarray]:
    """[size, rank] for outputs, inputs and every direction of the kernel."""
    import tensorly
    from tensorly.decomposition import parafac

    norm = float(np.linalg.norm(layer.weight)) or 1.0
    with tensorly.backend_context("numpy", local_threadsafe=True), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a side with fewer channels than the rank starts with random ones
        _, factors = parafac(
            layer.weight / norm,
            rank,
            n_iter_max=iterations,
            init="svd" if rank <= max(layer.weight.shape) else "random",
            tol=_TOLERANCE,
            random_state=np.random.RandomState(seed),
            l2_reg=_RIDGE,
        )
    return _balanced([np.asarray(factor) for factor in factors], norm)


def _balanced(factors: list[np.ndarray], norm: float) -> list[np.ndarray]:
    """Every component of the same norm in every factor."""
    norms = np.stack([np.maximum(np.linalg.norm(factor, axis=0), 1e-30) for factor in factors])
    common = (norms.prod(0) * norm) ** (1 / len(factors))
    return [factor / own * common for factor, own in zip(factors, norms, strict=True)]


def _losses(layer: Layer, seed: int) -> Losses:
    total = float((layer.weight**2).sum()) or 1.0
    known: dict[int, float] = {}

    def lost(ranks: Ranks) -> float:
        (rank,) = ranks
        if rank not in known:
            outer, inner, *kernel = _decomposed(layer, rank, seed, _ITERATIONS_TO_JUDGE)
            letters = "hw"[: len(kernel)]
            terms = ",".join(f"{letter}r" for letter in f"oi{letters}")
            whole = np.einsum(f"{terms}->oi{letters}", outer, inner, *kernel, optimize=True)
            known[rank] = min(1.0, float(((layer.weight - whole) ** 2).sum()) / total)
        return known[rank]

    return lost


def _weights(layer: Layer, ranks: Ranks, seed: int) -> Sequence[np.ndarray]:
    (rank,) = ranks
    outer, inner, *kernel = _decomposed(layer, rank, seed, _ITERATIONS)
    ones = [1] * len(layer.kernel)
    by_channel = []
    for axis, factor in enumerate(kernel):
        shape = [*ones[:axis], len(factor), *ones[axis + 1 :]]
        by_channel.append(factor.T.reshape(rank, 1, *shape))
    return [inner.T.reshape(rank, layer.inputs, *ones), *by_channel, outer.reshape(layer.outputs, rank, *ones)]


METHODS.register("cp")(
    Method(why_not=_why_not, full=_full, factors=_factors, losses=_losses, weights=_weights, most_tried=8)
)
