"""Claim `weights_dtype` {dtype, granularity?, layer(s)?, except?}: the weights are stored in this type."""

from __future__ import annotations

from typing import Any

from edgebuild.check.census.model import Census, TensorRecord
from edgebuild.check.channels import output_channels
from edgebuild.check.claim import ClaimChecker, ClaimResult
from edgebuild.check.finding import Finding
from edgebuild.check.layer_types import owner
from edgebuild.check.selection import nothing_found, parameter, weights_of
from edgebuild.check.wiring import Wiring
from edgebuild.check.wording import layers_of, of_total, places
from edgebuild.config.registries import CLAIMS

CODE = "float-weights"
"""The code of the rule that sees the same, so that one `allow:` entry covers both."""


def check(census: Census, claim: dict[str, Any]) -> ClaimResult:
    """Count the weights that have the claimed type; those of the layers in `except` are another claim's."""
    dtype = parameter(claim, "dtype")
    weights = tuple(t for t in weights_of(census, claim) if owner(t.layer, claim.get("except", ())) is None)
    if not weights:
        return nothing_found(CODE, claim)
    other = [tensor for tensor in weights if tensor.dtype != dtype]
    evidence = f"{len(weights) - len(other)} of {len(weights)} weight tensors {dtype}{_scales(census, weights)}"
    if not other:
        return ClaimResult(evidence)
    types = " and ".join(sorted({tensor.dtype for tensor in other}))
    subject = of_total(len(other), len(weights), "weight tensor")
    message = f"{claim['step']}: {subject} {types}, not {dtype} ({places(other)})"
    return ClaimResult(evidence, (Finding(CODE, message, layers_of(other, ())),))


def _scales(census: Census, weights: tuple[TensorRecord, ...]) -> str:
    wiring = Wiring(census)
    scaled = [tensor for tensor in weights if tensor.scale and output_channels(tensor, wiring.kernel_of(tensor)) > 1]
    if not scaled:
        return ""
    per_channel = sum(len(tensor.scale) > 1 for tensor in scaled)
    if per_channel == len(scaled):
        return ", per channel"
    return (
        ", per tensor"
        if per_channel == 0
        else f", {per_channel} per channel and {len(scaled) - per_channel} per tensor"
    )


CLAIMS.register("weights_dtype")(ClaimChecker(check))
