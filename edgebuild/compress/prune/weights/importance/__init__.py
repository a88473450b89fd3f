"""How much a single weight matters: one criterion a file, registered by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgebuild.registry import Registry

if TYPE_CHECKING:
    import torch

    from edgebuild.compress.training import Batch
    from edgebuild.model.addition import Addition


@dataclass(frozen=True)
class WeightScoring:
    """What a criterion may look at.

    Attributes:
        model: it may be run and differentiated, not changed.
        weights: parameter's dotted name -> parameter, for those that may be pruned.
        batches: gives training samples, batch by batch, the same ones every time.
        loss: (outputs of the model, targets) -> scalar.
        watched: of the criterion's own `Watch`, which saw the training before this cut; None for one without.
        seed: of anything random.
    """

    model: torch.nn.Module
    weights: Mapping[str, torch.nn.Parameter]
    batches: Callable[[], list[Batch]]
    loss: Callable[[object, torch.Tensor], torch.Tensor]
    watched: Mapping[str, torch.Tensor] | None
    seed: int


@dataclass(frozen=True)
class WeightImportance:
    """One criterion.

    Attributes:
        title: one line, for the documentation.
        score: a score per weight, in the weight's shape; low goes first. What is zero already is not asked.
        watch: (parameters by name) -> what must see the training before a cut, and the totals it fills by name.
    """

    title: str
    score: Callable[[WeightScoring], dict[str, torch.Tensor]]
    watch: Callable[[Mapping[str, torch.nn.Parameter]], tuple[Addition, dict[str, torch.Tensor]]] | None = None


WEIGHT_IMPORTANCES: Registry[WeightImportance] = Registry("importance", "edgebuild.compress.prune.weights.importance")
