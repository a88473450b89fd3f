"""The magnitude of a weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgebuild.compress.prune.weights.importance import WEIGHT_IMPORTANCES, WeightImportance, WeightScoring

if TYPE_CHECKING:
    import torch


def magnitude(scoring: WeightScoring) -> dict[str, torch.Tensor]:
    """Han et al., Learning both Weights and Connections for Efficient Neural Networks, NIPS 2015, section 3."""
    return {name: weight.detach().abs() for name, weight in scoring.weights.items()}


WEIGHT_IMPORTANCES.register("magnitude")(WeightImportance("the weight is large", magnitude))
