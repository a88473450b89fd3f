"""`svd`: a matrix product becomes two; a convolution becomes one with fewer filters, and a 1x1 convolution.

For convolutions: X. Zhang, J. Zou, K. He, J. Sun, Accelerating Very Deep Convolutional Networks for Classification and
Detection, TPAMI 2016, section 3.1, without their regard for the data.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgebuild.compress.factorize.factors import Factor, pointwise, spatial
from edgebuild.compress.factorize.layers import Layer
from edgebuild.compress.factorize.methods import METHODS, Losses, Method, Ranks, lost_behind, two_factors
from edgebuild.compress.factorize.vbmf import vbmf_rank


def _matrix(layer: Layer) -> np.ndarray:
    return layer.weight.reshape(layer.outputs, -1)


def _full(layer: Layer) -> Ranks:
    return (min(_matrix(layer).shape),)


def _factors(layer: Layer, ranks: Ranks) -> list[Factor]:
    (rank,) = ranks
    first = pointwise(layer, layer.inputs, rank) if layer.is_linear else spatial(layer, layer.inputs, rank)
    return [first, pointwise(layer, rank, layer.outputs, bias=layer.arguments["bias"])]


def _losses(layer: Layer, _seed: int) -> Losses:
    return lost_behind(np.linalg.svd(_matrix(layer), compute_uv=False))


def _weights(layer: Layer, ranks: Ranks, _seed: int) -> Sequence[np.ndarray]:
    (rank,) = ranks
    left, right = two_factors(_matrix(layer), rank)
    return right.reshape(rank, *layer.weight.shape[1:]), left.reshape(layer.outputs, rank, *(1 for _ in layer.kernel))


METHODS.register("svd")(
    Method(
        why_not=lambda _layer: None,
        full=_full,
        factors=_factors,
        losses=_losses,
        weights=_weights,
        vbmf=lambda layer: (vbmf_rank(_matrix(layer)),),
    )
)
