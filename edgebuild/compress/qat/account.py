"""What quantization-aware training did: the scheme for the exporters, the claims, and one sentence for the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.compress.qat.parameters import Qat
from edgebuild.compress.quantize.ranges import claim_of_ranges
from edgebuild.compress.quantize.skip import FLOAT
from edgebuild.model.fakequant.ranges import write_steps
from edgebuild.model.fakequant.scheme import Scheme
from edgebuild.model.fakequant.settle import Settled
from edgebuild.model.fakequant.steps import WEIGHT_MAX
from edgebuild.model.weight_values import magnitude, values_digest

if TYPE_CHECKING:
    import torch

STEP = "qat"


def quantization_of(settled: Settled, scheme: Scheme, parameters: Qat, skipped: Sequence[str]) -> dict[str, Any]:
    """`ModelRecord.quantization`: granularity, ranges, and the layers that a format may write as several operations.

    Of the layers `skipped` it says that they stay in floating point.
    """
    return {
        "kind": STEP,
        "activations": "int8",
        "granularity": parameters.granularity,
        "fully_connected": parameters.fully_connected,
        "ranges": write_steps(settled.steps),
        "composite": list(scheme.composite),
        "layer_types": dict.fromkeys(skipped, FLOAT),
    }


def claims_of(settled: Settled, scheme: Scheme, parameters: Qat, skipped: Sequence[str]) -> list[dict[str, Any]]:
    """Types, the integers of every trained weight, and the scales of the activations between."""
    axes = {use.layer: use.axis if parameters.per_channel()[use.kind] else None for use in scheme.weights}
    weights = {layer: _facts(weight, axes[layer]) for layer, weight in settled.weights.items()}
    mergeable = [use.layer for use in scheme.weights if use.mergeable]
    types: list[dict[str, Any]] = [
        {"claim": "weights_dtype", "step": STEP, "dtype": "int8", "granularity": parameters.granularity},
        {"claim": "activations_dtype", "step": STEP, "dtype": "int8"},
    ]
    if skipped:
        types = [{**claim, "except": list(skipped)} for claim in types]
        types.append({"claim": "layer_types", "step": STEP, "types": dict.fromkeys(skipped, FLOAT)})
    return [
        *types,
        {"claim": "trained_weights", "step": STEP, "weights": weights, "mergeable": list(dict.fromkeys(mergeable))},
        claim_of_ranges(STEP, scheme, settled.steps),
    ]


def _facts(weight: torch.Tensor, axis: int | None) -> dict[str, Any]:
    values = weight.numpy().astype(np.float64)
    others = tuple(dim for dim in range(values.ndim) if dim != axis) if axis is not None else None
    largest = np.abs(values).max(axis=others, keepdims=True)
    scale = np.where(largest > 0, largest, 1.0) / WEIGHT_MAX
    codes = np.rint(values / scale).astype(np.int64)
    return {"digest": values_digest(codes), "magnitude": magnitude(codes, scale.ravel(), axis)}


def effect_of(settled: Settled, scheme: Scheme, parameters: Qat, skipped: Sequence[str]) -> str:
    """One sentence: what was trained in rounded numbers, and what was not."""
    norms = len(settled.edits)
    folded = f"{norms} batch norm{'' if norms == 1 else 's'} folded"
    text = (
        f"trained {parameters.epochs} epochs in int8 steps: {len(settled.weights)} weight tensors, ranges of "
        f"{len(settled.steps)} groups of activations, {folded}"
    )
    if skipped:
        text = f"float32: {', '.join(skipped)}; {text}"
    if not scheme.composite:
        return text
    return f"{text}; inside {', '.join(scheme.composite)} a format may round where no training saw it"
