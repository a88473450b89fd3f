"""What pruning leaves: a model on its way, the cuts that stayed, and those that were taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgebuild.compress.prune.groups import LeftAlone
from edgebuild.compress.scale import Measurement

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Cut:
    """One cut and what came of it.

    Attributes:
        removed: channels that went.
        layers: those that lost output channels.
        lost: how much worse the metric is than before the first cut, after training; in its unit.
        history: one row per epoch.
    """

    removed: int
    layers: tuple[str, ...]
    after: Measurement
    lost: float
    history: tuple[dict[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, without the history."""
        return {**self.after.to_json(), "channels": self.removed, "lost": self.lost}


@dataclass(frozen=True)
class Draft:
    """A model on its way, which is never changed: every cut makes another one.

    Attributes:
        edits: what was cut, to be replayed on the model as it came.
        now: the model as it is, measured.
        cuts: that were made so far.
    """

    model: torch.nn.Module
    now: Measurement
    edits: tuple[dict[str, Any], ...] = ()
    cuts: tuple[Cut, ...] = ()

    @property
    def removed(self) -> int:
        """Channels that are gone."""
        return sum(cut.removed for cut in self.cuts)


@dataclass(frozen=True)
class Attempt:
    """A cut that was tried: how much of the whole cut would have been done after it, and whether it stayed."""

    share: float
    cut: Cut
    kept: bool

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; `epochs` are those of its training."""
        return {"share": self.share, "kept": self.kept, "epochs": len(self.cut.history), **self.cut.to_json()}


@dataclass(frozen=True)
class Outcome:
    """A pruned model.

    Attributes:
        model: cut and trained.
        edits: what was cut, to be replayed on the model as it came.
        before: the model as it came.
        channels: how many it had that could be cut; a head of an attention counts as one.
        heads: attention -> how many of its heads could be cut.
        left_alone: what could not be cut at the beginning, and why.
        cuts: the cuts that stayed.
        refused: the cut that lost too much and was taken back, where there was one; the last one of several.
        attempts: every cut that was tried, where the schedule goes by what came of the cuts before.
        sparsify: what came of the training before the first cut, where there was one.
        sensitivity: what every group would lose alone, where that was measured.
    """

    model: torch.nn.Module
    edits: tuple[dict[str, Any], ...]
    before: Measurement
    channels: int
    heads: Mapping[str, int]
    left_alone: tuple[LeftAlone, ...]
    cuts: tuple[Cut, ...]
    refused: Cut | None = None
    attempts: tuple[Attempt, ...] = ()
    sparsify: Mapping[str, Any] | None = None
    sensitivity: Mapping[str, Any] | None = None
