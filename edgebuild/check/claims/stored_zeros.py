"""Claim `stored_zeros` {layers}: says what the file and its runtime gain from zeros; it is a note, never a defect."""

from __future__ import annotations

import math
from typing import Any

from edgebuild.check.census.model import Census, TensorRecord
from edgebuild.check.claim import ClaimChecker, ClaimResult
from edgebuild.check.finding import Finding
from edgebuild.check.selection import named_layers, nothing_found, weights_of
from edgebuild.check.wording import layers_of, places
from edgebuild.config.registries import CLAIMS

CODE = "stored-zeros"


def check(census: Census, claim: dict[str, Any]) -> ClaimResult:
    """Find out which of the layers' weights are stored whole, and which without their zeros."""
    weights = [tensor for tensor in weights_of(census, claim) if tensor.sparsity]
    if not weights:
        return nothing_found(CODE, claim)
    sparse, dense = ([tensor for tensor in weights if tensor.is_sparse is kind] for kind in (True, False))
    if not sparse:
        evidence = f"{_zeros(dense)} zeros stored like any other number"
        gain = f"the {census.format} file is no smaller and runs no faster for them"
        gain += "; they pay in a compressed download only"
        return _noted(claim, evidence, gain, named_layers(claim))
    evidence = f"{_zeros(sparse)} zeros not stored"
    if dense:
        evidence += f", {_zeros(dense)} stored like any other number ({places(dense)})"
    gain = "the file is smaller; its runtime unpacks them when it loads the file, and runs no faster for them"
    return _noted(claim, evidence, gain, layers_of([*sparse, *dense], ()))


def _noted(claim: dict[str, Any], evidence: str, gain: str, layers: tuple[str, ...]) -> ClaimResult:
    message = f"{claim['step']}: {evidence}: {gain}"
    return ClaimResult(evidence, (Finding(CODE, message, layers, severity="note"),))


def _zeros(weights: list[TensorRecord]) -> int:
    return sum(round((tensor.sparsity or 0.0) * math.prod(tensor.shape)) for tensor in weights)


CLAIMS.register("stored_zeros")(ClaimChecker(check))
