"""The l1 norm: single weights fall to zero, and the channels that need fewest of them become small."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgebuild.compress.prune.coupled import CoupledChannels
from edgebuild.compress.prune.sparsify.penalties import SPARSIFIERS, Sparsifier

if TYPE_CHECKING:
    import torch


def l1(channels: CoupledChannels) -> torch.Tensor:
    """Sum of the magnitudes of all weights that go with each channel (Tibshirani, the lasso, 1996)."""
    return channels.magnitudes()


SPARSIFIERS.register("l1")(Sparsifier("magnitudes of single weights", l1))
