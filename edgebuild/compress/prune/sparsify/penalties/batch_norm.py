"""Scales of batch normalisation: a channel whose scale is zero carries nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgebuild.compress.prune.coupled import CoupledChannels
from edgebuild.compress.prune.sparsify.penalties import SPARSIFIERS, Sparsifier

if TYPE_CHECKING:
    import torch


def batch_norm(channels: CoupledChannels) -> torch.Tensor | None:
    """Magnitude of the scale of each channel (Liu et al., Network Slimming, ICCV 2017, equation 1)."""
    return channels.scales()


SPARSIFIERS.register("batch_norm")(Sparsifier("scales of batch normalisation", batch_norm))
