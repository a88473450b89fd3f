"""Group lasso: channels fall to zero as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgebuild.compress.prune.coupled import CoupledChannels
from edgebuild.compress.prune.sparsify.penalties import SPARSIFIERS, Sparsifier

if TYPE_CHECKING:
    import torch

_SMOOTHED = 1e-12
"""Added to a square, so that a norm of zero has a gradient."""


def group_lasso(channels: CoupledChannels) -> torch.Tensor:
    """The norm of each channel, over everything that goes with it.

    Wen, Wu, Wang, Chen, Li, Learning Structured Sparsity in Deep Neural Networks, NIPS 2016, equation 3, over coupled
    layers as in Fang et al., DepGraph, CVPR 2023, section 3.3.
    """
    return (channels.squares() + _SMOOTHED).sqrt()


SPARSIFIERS.register("group_lasso")(Sparsifier("norms of whole channels", group_lasso))
