"""Claim `weight_bytes` {layers, maximum}: the weights of these layers take at most so many bytes together."""

from __future__ import annotations

from typing import Any

from edgebuild.check.census.model import Census
from edgebuild.check.claim import ClaimChecker, ClaimResult
from edgebuild.check.finding import Finding
from edgebuild.check.layer_types import owner
from edgebuild.check.selection import named_layers, nothing_found, parameter
from edgebuild.check.wording import layers_of
from edgebuild.config.registries import CLAIMS
from edgebuild.figure import format_value

CODE = "weight-bytes"


def check(census: Census, claim: dict[str, Any]) -> ClaimResult:
    """Add up the stored bytes, without scales and biases."""
    maximum, layers = int(parameter(claim, "maximum")), named_layers(claim)
    weights = [tensor for tensor in census.weights if tensor.shape and owner(tensor.layer, layers) is not None]
    if not weights:
        return nothing_found(CODE, claim)
    stored = sum(tensor.bytes for tensor in weights)
    evidence = f"the weights take {format_value(stored, 'B')}, at most {format_value(maximum, 'B')} asked"
    if stored <= maximum:
        return ClaimResult(evidence)
    return ClaimResult(evidence, (Finding(CODE, f"{claim['step']}: {evidence}", layers_of(weights, ())),))


CLAIMS.register("weight_bytes")(ClaimChecker(check))
