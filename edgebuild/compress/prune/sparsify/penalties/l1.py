"""The l1 norm: single weights fall to zero, and the channels that need fewest of them become small."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgebuild.compress.prune.coupled import CoupledChannels
from edgebuild.compress.prune.sparsify.penalties import SPARSIFIERS, Sparsifier

if TYPE_CHECKING:
    import torch


def l1(channels: Sequence[CoupledChannels]) -> torch.Tensor | None:
    """Sum of the magnitudes of all weights that would go with a channel (Tibshirani, the lasso, 1996)."""
    import torch

    return torch.stack([group.magnitudes().sum() for group in channels]).sum()


SPARSIFIERS.register("l1")(Sparsifier("magnitudes of single weights", l1))
