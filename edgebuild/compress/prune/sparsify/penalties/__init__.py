"""What is penalised in training so that channels become small: one penalty a file, registered by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgebuild.registry import Registry

if TYPE_CHECKING:
    import torch

    from edgebuild.compress.prune.coupled import CoupledChannels


@dataclass(frozen=True)
class Sparsifier:
    """One penalty: the sum of the sizes of all channels.

    Attributes:
        title: one line, for the documentation.
        size: of each channel of a group [channels], with its graph; None of a group that it says nothing about.
    """

    title: str
    size: Callable[[CoupledChannels], torch.Tensor | None]


SPARSIFIERS: Registry[Sparsifier] = Registry("kind of sparsify", "edgebuild.compress.prune.sparsify.penalties")
