"""Claim `sparsity`: so many of the stored weights are exactly zero.

{minimum, layer(s)?, together?}: at least this share, of each layer named, or of those or all weights together.
{layer, zeros, weights}: at least `zeros` of the layer's `weights` numbers; quantization can only add to them.
"""

from __future__ import annotations

import math
from typing import Any

from edgebuild.check.census.model import Census, TensorRecord
from edgebuild.check.claim import ClaimChecker, ClaimResult
from edgebuild.check.finding import Finding
from edgebuild.check.selection import named_layers, nothing_found, parameter, weights_of
from edgebuild.check.wording import layers_of, listing, place
from edgebuild.config.registries import CLAIMS

CODE = "sparsity"

_ROUNDING = 1.0
"""Weights that a share of n may miss because a whole number of them is pruned."""


def check(census: Census, claim: dict[str, Any]) -> ClaimResult:
    """Compare each named layer's zeros with what was promised, or those of all weights together."""
    if "zeros" in claim:
        return _check_count(census, claim)
    minimum = float(parameter(claim, "minimum"))
    weights = [tensor for tensor in weights_of(census, claim) if tensor.sparsity is not None]
    if not weights:
        return nothing_found(CODE, claim)
    total = sum(_size(tensor) for tensor in weights)
    zeros = sum(_zeros(tensor) for tensor in weights)
    evidence = f"{zeros / total:.1%} of {total} weights in {len(weights)} tensors are zero"
    if not named_layers(claim) or claim.get("together"):
        if zeros + _ROUNDING >= minimum * total:
            return ClaimResult(evidence)
        message = f"{claim['step']}: {evidence}, at least {minimum:.1%} promised"
        return ClaimResult(evidence, (Finding(CODE, message, layers_of(weights, ())),))
    dense = [tensor for tensor in weights if _zeros(tensor) + _ROUNDING < minimum * _size(tensor)]
    if not dense:
        return ClaimResult(evidence)
    named = listing(f"{place(tensor)}: {tensor.sparsity:.1%}" for tensor in dense)
    message = f"{claim['step']}: at least {minimum:.1%} zeros promised, found {named}"
    return ClaimResult(evidence, (Finding(CODE, message, layers_of(dense, ())),))


def _check_count(census: Census, claim: dict[str, Any]) -> ClaimResult:
    """Compare the zeros of every weight tensor of one layer with their promised number."""
    expected, size = int(parameter(claim, "zeros")), int(parameter(claim, "weights"))
    weights = [tensor for tensor in weights_of(census, claim) if tensor.sparsity is not None]
    if not weights or not named_layers(claim):
        return nothing_found(CODE, claim)
    layer = ", ".join(named_layers(claim))
    found = min(round(_zeros(tensor)) for tensor in weights)
    evidence = f"{layer}: {found} of {size} weights are zero"
    other = [tensor for tensor in weights if _size(tensor) != size]
    if other:
        message = f"{claim['step']}: {layer} has {_size(other[0])} weights in the file, {size} expected"
        return ClaimResult(evidence, (Finding(CODE, message, named_layers(claim)),))
    if found >= expected:
        return ClaimResult(evidence)
    message = f"{claim['step']}: {evidence} in the file, at least {expected} expected"
    return ClaimResult(evidence, (Finding(CODE, message, named_layers(claim)),))


def _size(tensor: TensorRecord) -> int:
    return math.prod(tensor.shape)


def _zeros(tensor: TensorRecord) -> float:
    return (tensor.sparsity or 0.0) * _size(tensor)


CLAIMS.register("sparsity")(ClaimChecker(check))
