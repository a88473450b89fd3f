"""Claim `parameter_bytes` {maximum}: all parameters in the file take at most so many bytes."""

from __future__ import annotations

from typing import Any

from edgebuild.check.census.model import Census
from edgebuild.check.claim import ClaimChecker, ClaimResult
from edgebuild.check.finding import Finding
from edgebuild.check.selection import nothing_found, parameter
from edgebuild.check.wording import count
from edgebuild.config.registries import CLAIMS
from edgebuild.figure import format_value

CODE = "parameter-bytes"


def check(census: Census, claim: dict[str, Any]) -> ClaimResult:
    """Add up the stored bytes of all weights and biases; shapes, axes and the like are no parameters."""
    maximum = int(parameter(claim, "maximum"))
    stored = [tensor for tensor in census.tensors if tensor.role in ("weight", "bias")]
    if not stored:
        return nothing_found(CODE, claim)
    found = sum(tensor.bytes for tensor in stored)
    evidence = f"{format_value(found, 'B')} in {count(len(stored), 'weight and bias tensor')}"
    if found <= maximum:
        return ClaimResult(evidence)
    largest = max(stored, key=lambda tensor: tensor.bytes)
    message = (
        f"{claim['step']}: {evidence}, at most {format_value(maximum, 'B')} promised; the largest one is "
        f"{largest.dtype}, so see that keep.stored is the type that the plan leaves and the export stores"
    )
    return ClaimResult(evidence, (Finding(CODE, message),))


CLAIMS.register("parameter_bytes")(ClaimChecker(check))
