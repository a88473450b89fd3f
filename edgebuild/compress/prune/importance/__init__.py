"""How much a channel matters: one family of criteria a file, each criterion registered by its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgebuild.compress.training import Batch
from edgebuild.registry import Registry

if TYPE_CHECKING:
    import torch

    from edgebuild.compress.prune.trace import Trace


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
        score: a score of at least 0 per channel for every group, in the order of `trace.groups`; low goes first. Of a
            group that it can say nothing about it gives an empty array.
    """

    title: str
    score: Callable[[Scoring], list[np.ndarray]]


IMPORTANCES: Registry[Importance] = Registry("importance", "edgebuild.compress.prune.importance")


def score_groups(name: str, scoring: Scoring) -> dict[str, np.ndarray]:
    """Name of a group -> score of each of its channels [size], divided by their mean.

    Without that, a criterion ranks layers more than channels, and cuts some of them to almost nothing. Groups of which
    the criterion can say nothing are left out.
    """
    raw = IMPORTANCES.get(name).score(scoring)
    return {
        group.name: _relative(scores) for group, scores in zip(scoring.trace.groups, raw, strict=True) if len(scores)
    }


def _relative(scores: np.ndarray) -> np.ndarray:
    mean = float(scores.mean())
    relative: np.ndarray = scores / mean if mean > 0 else scores
    return relative
