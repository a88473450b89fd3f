"""Claim `weight_ranges` {largest: {layer: magnitude}}: the weights reach as far as the step left them."""

from __future__ import annotations

import math
from typing import Any

from edgebuild.check.census.model import Census
from edgebuild.check.claim import ClaimChecker, ClaimResult
from edgebuild.check.finding import Finding
from edgebuild.check.selection import parameter
from edgebuild.check.wording import listing
from edgebuild.config.registries import CLAIMS

CODE = "weight-ranges"

_LARGEST = 127
"""Steps from zero to the largest magnitude of an int8 weight."""
_RELATIVE = 1e-3


def check(census: Census, claim: dict[str, Any]) -> ClaimResult:
    """Compare the largest scale of every named layer's int8 weight with its largest magnitude."""
    largest: dict[str, float] = parameter(claim, "largest")
    scales = {tensor.layer: max(tensor.scale) for tensor in census.weights if tensor.layer in largest and tensor.scale}
    other = [
        layer
        for layer, reach in largest.items()
        if layer not in scales or not math.isclose(scales[layer] * _LARGEST, reach, rel_tol=_RELATIVE)
    ]
    evidence = f"{len(largest) - len(other)} of {len(largest)} weight tensors reach as far as {claim['step']} left them"
    if not other:
        return ClaimResult(evidence)
    message = f"{claim['step']}: {evidence}, not so {listing(other)}"
    return ClaimResult(evidence, (Finding(CODE, message, tuple(other)),))


CLAIMS.register("weight_ranges")(ClaimChecker(check))
