"""Claim `pattern` {layer, stay, of}: of every `of` weights along the input channels at most `stay` are not zero.

What is left over at the end of a row is not looked at: pruning leaves it whole.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgebuild.check.census.model import Census
from edgebuild.check.claim import ClaimChecker, ClaimResult
from edgebuild.check.finding import Finding
from edgebuild.check.selection import named_layers, nothing_found, parameter, weights_of
from edgebuild.check.zero_places import zeros_of
from edgebuild.config.registries import CLAIMS

CODE = "pattern"


def check(census: Census, claim: dict[str, Any]) -> ClaimResult:
    """Count the numbers that are not zero in every group of every weight tensor of the layer."""
    layer, stay, of = str(parameter(claim, "layer")), int(parameter(claim, "stay")), int(parameter(claim, "of"))
    found = [zeros for weight in weights_of(census, claim) if (zeros := zeros_of(weight, census)) is not None]
    counts = [_most(zeros, of) for zeros in found]
    if not counts or not all(groups.size for groups in counts):
        return nothing_found(CODE, claim)
    total = sum(groups.size for groups in counts)
    over = sum(int((groups > stay).sum()) for groups in counts)
    evidence = f"{layer}: {total - over} of {total} groups of {of} have at most {stay} weights that are not zero"
    if not over:
        return ClaimResult(evidence)
    most = max(int(groups.max()) for groups in counts)
    message = f"{claim['step']}: {evidence}; {over} have up to {most}"
    return ClaimResult(evidence, (Finding(CODE, message, named_layers(claim)),))


def _most(zeros: np.ndarray, of: int) -> np.ndarray:
    """Numbers that are not zero in every whole group of `of` along the input channels."""
    out, inputs, places = zeros.shape
    whole = inputs // of
    return np.asarray((~zeros[:, : whole * of]).reshape(out, whole, of, places).sum(axis=2))


CLAIMS.register("pattern")(ClaimChecker(check))
