"""Claim `trained_weights` {weights, mergeable}: the stored integers are those that were trained.

`weights` is layer -> {digest, magnitude}; `mergeable` are layers into whose weight a format may multiply the scale of a
layer norm before it, after which it holds other integers.
"""

from __future__ import annotations

import math
from typing import Any

from edgebuild.check.census.model import Census, TensorRecord
from edgebuild.check.claim import ClaimChecker, ClaimResult
from edgebuild.check.finding import Finding
from edgebuild.check.selection import parameter
from edgebuild.check.wording import listing
from edgebuild.config.registries import CLAIMS

CODE = "trained-weights"

_RELATIVE = 1e-4
"""Scales are float32 numbers; other steps than the trained ones differ by far more."""


def check(census: Census, claim: dict[str, Any]) -> ClaimResult:
    """Find every trained layer's integers, in any order of axes, with their real magnitude.

    A file may name a weight after the layer around the one that owns it, so each stored weight can be any layer's.
    """
    trained: dict[str, dict[str, Any]] = parameter(claim, "weights")
    left = [tensor for tensor in census.weights if tensor.digest is not None]
    missing = []
    for layer, facts in trained.items():
        found = next((tensor for tensor in left if _same(tensor, facts)), None)
        if found is None:
            missing.append(layer)
        else:
            left.remove(found)
    evidence = f"{len(trained) - len(missing)} of {len(trained)} weight tensors hold the trained integers"
    mergeable = parameter(claim, "mergeable")
    merged = [layer for layer in missing if layer in mergeable]
    missing = [layer for layer in missing if layer not in mergeable]
    if merged:
        evidence += f", {listing(merged)} merged with what comes before"
    if not missing:
        return ClaimResult(evidence)
    message = f"{claim['step']}: {evidence}, not so {listing(missing)}"
    return ClaimResult(evidence, (Finding(CODE, message, tuple(missing)),))


def _same(tensor: TensorRecord, facts: dict[str, Any]) -> bool:
    close = math.isclose(tensor.magnitude or 0.0, float(facts["magnitude"]), rel_tol=_RELATIVE)
    return close and tensor.digest == facts["digest"]


CLAIMS.register("trained_weights")(ClaimChecker(check))
