"""Claim `biases` {magnitudes: {layer: sum}, unstored}: the biases are those that the step left."""

from __future__ import annotations

import math
from typing import Any

from edgebuild.check.census.model import Census, TensorRecord
from edgebuild.check.claim import ClaimChecker, ClaimResult
from edgebuild.check.finding import Finding
from edgebuild.check.selection import parameter
from edgebuild.check.wording import listing
from edgebuild.config.registries import CLAIMS

CODE = "biases"

_RELATIVE = 1e-4


def check(census: Census, claim: dict[str, Any]) -> ClaimResult:
    """Find every layer's bias by the sum of its magnitudes; a file may name it after the layer around.

    Layers in `unstored` may have none of their own in the file.
    """
    expected: dict[str, float] = parameter(claim, "magnitudes")
    left = [tensor for tensor in census.tensors if tensor.role == "bias" and tensor.magnitude is not None]
    missing = []
    for layer, total in expected.items():
        found = next((tensor for tensor in left if _same(tensor, total)), None)
        if found is None:
            missing.append(layer)
        else:
            left.remove(found)
    evidence = f"{len(expected) - len(missing)} of {len(expected)} biases are as {claim['step']} left them"
    wrong = [layer for layer in missing if layer not in parameter(claim, "unstored")]
    if not wrong:
        return ClaimResult(evidence)
    message = f"{claim['step']}: {evidence}, not so {listing(wrong)}"
    return ClaimResult(evidence, (Finding(CODE, message, tuple(wrong)),))


def _same(tensor: TensorRecord, total: float) -> bool:
    rounding = math.prod(tensor.shape) * max(tensor.scale, default=0.0) / 2
    return math.isclose(tensor.magnitude or 0.0, total, rel_tol=_RELATIVE, abs_tol=rounding)


CLAIMS.register("biases")(ClaimChecker(check))
