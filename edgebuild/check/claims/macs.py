"""Claim `macs` {layers, before, maximum}: the layers take at most so many multiply-accumulates in the file."""

from __future__ import annotations

from typing import Any

from edgebuild.check.census.model import Census
from edgebuild.check.claim import ClaimChecker, ClaimResult
from edgebuild.check.finding import Finding
from edgebuild.check.macs import weight_macs
from edgebuild.check.selection import named_layers, nothing_found, parameter, weights_of
from edgebuild.check.wiring import Wiring
from edgebuild.check.wording import count, listing
from edgebuild.config.registries import CLAIMS

CODE = "macs"


def check(census: Census, claim: dict[str, Any]) -> ClaimResult:
    """Add up the MACs of the claim's layers; `before` is what they took in the model as it came to the step."""
    before, maximum = int(parameter(claim, "before")), int(parameter(claim, "maximum"))
    weights = [weight for weight in weights_of(census, claim) if len(weight.shape) > 1]
    if not weights or not named_layers(claim):
        return nothing_found(CODE, claim)
    missing = [layer for layer in named_layers(claim) if layer not in {weight.layer for weight in weights}]
    wiring = Wiring(census)
    found = sum(weight_macs(weight, wiring) for weight in weights)
    evidence = (
        f"{found} MACs in {count(len(named_layers(claim)), 'layer')}, {found / before:.1%} of the {before} before"
    )
    if missing:
        message = (
            f"{claim['step']}: no weight tensor of {listing(missing)} found in the file, so its MACs are not known"
        )
        return ClaimResult(evidence, (Finding(CODE, message, tuple(missing)),))
    if found <= maximum:
        return ClaimResult(evidence)
    message = f"{claim['step']}: {evidence} in the file; at most {maximum} promised"
    return ClaimResult(evidence, (Finding(CODE, message, named_layers(claim)),))


CLAIMS.register("macs")(ClaimChecker(check))
