"""`tucker2`: a convolution becomes 1x1 to fewer channels, the kernel between these, and 1x1 to the outputs.

Y. Kim, E. Park, S. Yoo, T. Choi, L. Yang, D. Shin, Compression of Deep Convolutional Neural Networks for Fast and Low
Power Mobile Applications, ICLR 2016. The factors are tensorly's, by higher-order orthogonal iteration.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgebuild.compress.factorize.factors import Factor, pointwise, spatial
from edgebuild.compress.factorize.layers import Layer
from edgebuild.compress.factorize.methods import METHODS, Losses, Method, Ranks
from edgebuild.compress.factorize.vbmf import vbmf_rank

_ITERATIONS = 10
_TOLERANCE = 1e-4
"""Of the relative error from one iteration to the next; the first ones bring nearly all there is to gain."""


def _why_not(layer: Layer) -> str | None:
    if not layer.is_linear and not layer.is_pointwise:
        return None
    return "tucker2 is for convolutions with a kernel larger than 1"


def _full(layer: Layer) -> Ranks:
    """(of the outputs, of the inputs)."""
    return min(_unfolded(layer, 0).shape), min(_unfolded(layer, 1).shape)


def _unfolded(layer: Layer, mode: int) -> np.ndarray:
    return np.moveaxis(layer.weight, mode, 0).reshape(layer.weight.shape[mode], -1)


def _factors(layer: Layer, ranks: Ranks) -> list[Factor]:
    """A side of full rank needs no 1x1 convolution."""
    outer, inner = ranks
    bias = layer.arguments["bias"]
    first = [] if inner == layer.inputs else [pointwise(layer, layer.inputs, inner)]
    if outer == layer.outputs:
        return [*first, spatial(layer, inner, outer, bias=bias)]
    return [*first, spatial(layer, inner, outer), pointwise(layer, outer, layer.outputs, bias=bias)]


def _losses(layer: Layer, _seed: int) -> Losses:
    """Those of cutting the higher-order SVD, for all ranks from one rotation; iterating makes them smaller."""
    left = np.linalg.svd(_unfolded(layer, 0), full_matrices=False)[0]
    right = np.linalg.svd(_unfolded(layer, 1), full_matrices=False)[0]
    core = np.einsum("oi...,or,is->rs...", layer.weight, left, right, optimize=True)
    squares = (core**2).reshape(*core.shape[:2], -1).sum(2)
    kept = squares.cumsum(0).cumsum(1)
    total = float(kept[-1, -1]) or 1.0
    return lambda ranks: max(0.0, 1 - float(kept[ranks[0] - 1, ranks[1] - 1]) / total)


def _weights(layer: Layer, ranks: Ranks, _seed: int) -> Sequence[np.ndarray]:
    """The 1x1 factors have orthogonal columns, and the core has the norm of the weight: one scale for all three."""
    import tensorly
    from tensorly.decomposition import partial_tucker

    sizes = (layer.outputs, layer.inputs)
    modes = [mode for mode in (0, 1) if ranks[mode] < sizes[mode]]
    with tensorly.backend_context("numpy", local_threadsafe=True):
        (core, factors), _ = partial_tucker(
            layer.weight,
            rank=[ranks[mode] for mode in modes],
            modes=modes,
            n_iter_max=_ITERATIONS,
            tol=_TOLERANCE,
        )
    ones = tuple(1 for _ in layer.kernel)
    by_mode = dict(zip(modes, factors, strict=True))
    inner = [by_mode[1].T.reshape(ranks[1], layer.inputs, *ones)] if 1 in by_mode else []
    outer = [by_mode[0].reshape(layer.outputs, ranks[0], *ones)] if 0 in by_mode else []
    return [*inner, np.asarray(core), *outer]


METHODS.register("tucker2")(
    Method(
        why_not=_why_not,
        full=_full,
        factors=_factors,
        losses=_losses,
        weights=_weights,
        vbmf=lambda layer: (vbmf_rank(_unfolded(layer, 0)), vbmf_rank(_unfolded(layer, 1))),
        whole_sides=True,
    )
)
