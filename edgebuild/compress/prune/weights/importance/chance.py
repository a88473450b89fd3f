"""Chance: what every criterion has to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgebuild.compress.prune.weights.importance import WEIGHT_IMPORTANCES, WeightImportance, WeightScoring

if TYPE_CHECKING:
    import torch


def chance(scoring: WeightScoring) -> dict[str, torch.Tensor]:
    """A number drawn by the seed for every weight."""
    import torch

    source = torch.Generator().manual_seed(scoring.seed)
    return {name: torch.rand(weight.shape, generator=source) for name, weight in scoring.weights.items()}


WEIGHT_IMPORTANCES.register("random")(WeightImportance("luck", chance))
