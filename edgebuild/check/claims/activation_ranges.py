"""Claim `activation_ranges` {ranges, required, composite}: activations have the scales that a step decided."""

from __future__ import annotations

import math
from typing import Any

from edgebuild.check.census.model import Census, TensorRecord
from edgebuild.check.claim import ClaimChecker, ClaimResult
from edgebuild.check.finding import Finding
from edgebuild.check.selection import parameter
from edgebuild.check.wording import count, layers_of, listing, places
from edgebuild.config.registries import CLAIMS

CODE = "activation-ranges"

_RELATIVE = 1e-4
_ROLES = frozenset({"input", "output", "activation"})


def check(census: Census, claim: dict[str, Any]) -> ClaimResult:
    """Find the decided scales among the file's activations, and see that there are no others.

    Each range in `required` must be there. Scales that nobody decided are wrong unless the model has layers
    (`composite`) that a format writes as several operations.
    """
    ranges: list[dict[str, Any]] = parameter(claim, "ranges")
    composite: list[str] = parameter(claim, "composite")
    tensors = [tensor for tensor in census.tensors if tensor.role in _ROLES and tensor.dtype == "int8" and tensor.scale]
    missing = [
        one["at"]
        for one in ranges
        if one["at"] in parameter(claim, "required") and not any(_has(tensor, one) for tensor in tensors)
    ]
    other = [tensor for tensor in tensors if not any(_has(tensor, one) for one in ranges)]
    found = f"{len(tensors) - len(other)} of {count(len(tensors), 'activation')}"
    evidence = f"{found} in steps that {claim['step']} decided"
    if other and composite:
        evidence += f", the others inside {listing(composite)}"
    if missing:
        message = f"{claim['step']}: the steps of {listing(missing)} are not in the file"
        return ClaimResult(evidence, (Finding(CODE, message),))
    if other and not composite:
        message = f"{claim['step']}: {evidence}; not so {places(other)}"
        return ClaimResult(evidence, (Finding(CODE, message, layers_of(other, ())),))
    return ClaimResult(evidence)


def _has(tensor: TensorRecord, decided: dict[str, Any]) -> bool:
    close = math.isclose(tensor.scale[0], float(decided["scale"]), rel_tol=_RELATIVE)
    return close and tensor.zero_point[0] == decided["zero_point"]


CLAIMS.register("activation_ranges")(ClaimChecker(check))
