"""Claim `stored_zeros` {layers}: says what the file and its runtime gain from zeros; it is a note, never a defect."""

from __future__ import annotations

import math
from typing import Any

from edgebuild.check.census.model import Census, TensorRecord
from edgebuild.check.claim import ClaimChecker, ClaimResult
from edgebuild.check.finding import Finding
from edgebuild.check.selection import named_layers, nothing_found, weights_of
from edgebuild.config.registries import CLAIMS

CODE = "stored-zeros"

_BITS = {"float32": 32, "float16": 16, "int16": 16, "int8": 8, "uint8": 8, "int4": 4}


def check(census: Census, claim: dict[str, Any]) -> ClaimResult:
    """Find out whether the layers' weights are stored whole."""
    weights = [tensor for tensor in weights_of(census, claim) if tensor.sparsity]
    if not weights:
        return nothing_found(CODE, claim)
    dense = [tensor for tensor in weights if _is_dense(tensor)]
    zeros = sum(round((tensor.sparsity or 0.0) * math.prod(tensor.shape)) for tensor in weights)
    if not dense:
        return ClaimResult(f"{zeros} zeros in sparse storage")
    evidence = f"{zeros} zeros stored like any other number"
    message = (
        f"{claim['step']}: {evidence}: the {census.format} file is no smaller and runs no faster for them; they pay in "
        "a compressed download only"
    )
    return ClaimResult(evidence, (Finding(CODE, message, named_layers(claim), severity="note"),))


def _is_dense(tensor: TensorRecord) -> bool:
    """Whether every value has its place in the file; a type whose width is not known counts as dense."""
    bits = _BITS.get(tensor.dtype)
    return bits is None or tensor.bytes * 8 >= math.prod(tensor.shape) * bits


CLAIMS.register("stored_zeros")(ClaimChecker(check))
