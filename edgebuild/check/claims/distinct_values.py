"""Claim `distinct_values` {maximum, layer(s)?}: each weight tensor has at most so many distinct values (a codebook)."""

from __future__ import annotations

from typing import Any

from edgebuild.check.census.model import Census
from edgebuild.check.claim import ClaimChecker, ClaimResult
from edgebuild.check.finding import Finding
from edgebuild.check.selection import nothing_found, parameter, weights_of
from edgebuild.check.wording import layers_of, listing, place
from edgebuild.config.registries import CLAIMS

CODE = "distinct-values"


def check(census: Census, claim: dict[str, Any]) -> ClaimResult:
    """Count the distinct stored values of every named layer.

    A codebook survives quantization per tensor; per channel, each channel scales it its own way: values multiply.
    """
    maximum = int(parameter(claim, "maximum"))
    weights = [tensor for tensor in weights_of(census, claim) if tensor.distinct is not None]
    if not weights:
        return nothing_found(CODE, claim)
    most = max(tensor.distinct or 0 for tensor in weights)
    evidence = f"at most {most} distinct values in {len(weights)} weight tensors"
    over = [tensor for tensor in weights if (tensor.distinct or 0) > maximum]
    if not over:
        return ClaimResult(evidence)
    named = listing(f"{place(tensor)}: {tensor.distinct}" for tensor in over)
    message = f"{claim['step']}: at most {maximum} distinct values promised, found {named}"
    return ClaimResult(evidence, (Finding(CODE, message, layers_of(over, ())),))


CLAIMS.register("distinct_values")(ClaimChecker(check))
