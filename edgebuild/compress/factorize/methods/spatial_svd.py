"""`spatial_svd`: a convolution becomes a vertical and a horizontal one.

M. Jaderberg, A. Vedaldi, A. Zisserman, Speeding up Convolutional Neural Networks with Low Rank Expansions, BMVC 2014,
scheme 2; the best factors in closed form: C. Tai, T. Xiao, Y. Zhang, X. Wang, W. E, Convolutional neural networks with
low-rank regularization, ICLR 2016, section 2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgebuild.compress.factorize.factors import Factor, spatial
from edgebuild.compress.factorize.layers import Layer
from edgebuild.compress.factorize.methods import METHODS, Losses, Method, Ranks, lost_behind, two_factors
from edgebuild.compress.factorize.vbmf import vbmf_rank

_DIRECTIONS = 2


def _why_not(layer: Layer) -> str | None:
    if len(layer.kernel) == _DIRECTIONS and min(layer.kernel) > 1:
        return None
    return "spatial_svd is for convolutions with two dimensions and a kernel larger than 1 in both"


def _matrix(layer: Layer) -> np.ndarray:
    """[inputs x height, outputs x width]."""
    height, width = layer.kernel
    return layer.weight.transpose(1, 2, 0, 3).reshape(layer.inputs * height, layer.outputs * width)


def _factors(layer: Layer, ranks: Ranks) -> list[Factor]:
    (rank,) = ranks
    vertical = spatial(layer, layer.inputs, rank, [0])
    return [vertical, spatial(layer, rank, layer.outputs, [1], bias=layer.arguments["bias"])]


def _losses(layer: Layer, _seed: int) -> Losses:
    return lost_behind(np.linalg.svd(_matrix(layer), compute_uv=False))


def _weights(layer: Layer, ranks: Ranks, _seed: int) -> Sequence[np.ndarray]:
    (rank,) = ranks
    height, width = layer.kernel
    left, right = two_factors(_matrix(layer), rank)
    vertical = left.T.reshape(rank, layer.inputs, height, 1)
    horizontal = right.reshape(rank, layer.outputs, 1, width).transpose(1, 0, 2, 3)
    return vertical, horizontal


METHODS.register("spatial_svd")(
    Method(
        why_not=_why_not,
        full=lambda layer: (min(_matrix(layer).shape),),
        factors=_factors,
        losses=_losses,
        weights=_weights,
        vbmf=lambda layer: (vbmf_rank(_matrix(layer)),),
    )
)
