"""How much a channel matters: one family of criteria a file, each criterion registered by its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgebuild.compress.prune.groups import ChannelGroup
from edgebuild.registry import Registry

if TYPE_CHECKING:
    import torch

    from edgebuild.compress.prune.trace import Trace

Batch = tuple[tuple["torch.Tensor", ...], "torch.Tensor"]
"""(inputs in order, targets)"""


@dataclass(frozen=True)
class Scoring:
    """What a criterion may look at.

    Attributes:
        trace: a copy of the model with its channel groups; it may be run and differentiated, not changed.
        batches: gives training samples, batch by batch, the same ones every time.
        loss: (outputs of the model, targets) -> scalar.
        seed: of anything random.
    """

    trace: Trace
    batches: Callable[[], Sequence[Batch]]
    loss: Callable[[object, torch.Tensor], torch.Tensor]
    seed: int


@dataclass(frozen=True)
class Importance:
    """One criterion.

    Attributes:
        title: one line, for the documentation.
        score: a score per channel for every group, in the order of `trace.groups`; low goes first. A group of which
            it can say nothing gets an empty array.
        comparable: scores of two groups are in one unit; otherwise each group's are divided by their mean.
    """

    title: str
    score: Callable[[Scoring], list[np.ndarray]]
    comparable: bool = False


IMPORTANCES: Registry[Importance] = Registry("importance", "edgebuild.compress.prune.importance")


def score_groups(name: str, scoring: Scoring) -> dict[str, np.ndarray]:
    """Name of a group -> score of each of its channels [size], comparable between groups.

    Groups of which the criterion can say nothing are left out.
    """
    chosen = IMPORTANCES.get(name)
    raw = chosen.score(scoring)
    return {
        group.name: scores if chosen.comparable else _relative(scores)
        for group, scores in zip(scoring.trace.groups, raw, strict=True)
        if len(scores)
    }


def _relative(scores: np.ndarray) -> np.ndarray:
    mean = float(scores.mean())
    relative: np.ndarray = scores / mean if mean > 0 else scores
    return relative


def sum_by_channel(group: ChannelGroup, layer: str, side: str, values: np.ndarray) -> np.ndarray | None:
    """Sum of `values` [channels of that side] over the indices of each channel of the group; None if it has no part."""
    for part in group.parts:
        if (part.layer, part.side, part.tensor) == (layer, side, ""):
            return np.array([values[list(indices)].sum() for indices in part.indices])
    return None
