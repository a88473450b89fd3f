"""Scales of batch normalisation: a channel whose scale is zero carries nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgebuild.compress.prune.coupled import CoupledChannels
from edgebuild.compress.prune.sparsify.penalties import SPARSIFIERS, Sparsifier

if TYPE_CHECKING:
    import torch


def batch_norm(channels: Sequence[CoupledChannels]) -> torch.Tensor | None:
    """Sum of the magnitudes of the scales (Liu et al., Network Slimming, ICCV 2017, equation 1)."""
    import torch

    scales = [scale.sum() for group in channels if (scale := group.scales()) is not None]
    return torch.stack(scales).sum() if scales else None


SPARSIFIERS.register("batch_norm")(Sparsifier("scales of batch normalisation", batch_norm))
