"""Claim `input_channels` {layer, kept}: the layer's weight reads exactly the channels that pruning kept."""

from __future__ import annotations

import math
from typing import Any

from edgebuild.check.census.model import Census
from edgebuild.check.channels import output_channels
from edgebuild.check.claim import ClaimChecker, ClaimResult
from edgebuild.check.finding import Finding
from edgebuild.check.selection import named_layers, nothing_found, parameter, weights_of
from edgebuild.check.wiring import Wiring
from edgebuild.check.wording import count
from edgebuild.config.registries import CLAIMS

CODE = "input_channels"


def check(census: Census, claim: dict[str, Any]) -> ClaimResult:
    """Compare input channels; the layer is a linear one, whose weight has nothing but inputs for each output."""
    kept = int(parameter(claim, "kept"))
    weights = [weight for weight in weights_of(census, claim) if len(weight.shape) > 1]
    if not weights or not named_layers(claim):
        return nothing_found(CODE, claim)
    wiring = Wiring(census)
    found = {math.prod(weight.shape) // output_channels(weight, wiring.kernel_of(weight)) for weight in weights}
    layer = ", ".join(named_layers(claim))
    evidence = f"{layer}: {' and '.join(str(number) for number in sorted(found))} input channels"
    if found == {kept}:
        return ClaimResult(evidence)
    message = f"{claim['step']}: {evidence} in the file, {count(kept, 'channel')} expected"
    return ClaimResult(evidence, (Finding(CODE, message, named_layers(claim)),))


CLAIMS.register("input_channels")(ClaimChecker(check))
