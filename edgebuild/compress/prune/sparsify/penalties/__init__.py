"""What is penalised in training so that channels become small: one penalty a file, registered by its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgebuild.registry import Registry

if TYPE_CHECKING:
    import torch

    from edgebuild.compress.prune.coupled import CoupledChannels


@dataclass(frozen=True)
class Sparsifier:
    """One penalty.

    Attributes:
        title: one line, for the documentation.
        penalty: a scalar that grows with the channels of the groups; None where it has nothing to say of any.
    """

    title: str
    penalty: Callable[[Sequence[CoupledChannels]], torch.Tensor | None]


SPARSIFIERS: Registry[Sparsifier] = Registry("kind of sparsify", "edgebuild.compress.prune.sparsify.penalties")
