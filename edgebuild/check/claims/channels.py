"""Claim `channels` {layer, kept}: the layer's weight has exactly the output channels that pruning kept."""

from __future__ import annotations

from typing import Any

from edgebuild.check.census.model import Census
from edgebuild.check.channels import output_channels
from edgebuild.check.claim import ClaimChecker, ClaimResult
from edgebuild.check.finding import Finding
from edgebuild.check.selection import named_layers, nothing_found, parameter, weights_of
from edgebuild.check.wiring import Wiring
from edgebuild.check.wording import count
from edgebuild.config.registries import CLAIMS

CODE = "channels"


def check(census: Census, claim: dict[str, Any]) -> ClaimResult:
    """Compare output channels; `kept` is their number or the list of the indices kept."""
    kept = parameter(claim, "kept")
    expected = kept if isinstance(kept, int) else len(kept)
    weights = weights_of(census, claim)
    if not weights or not named_layers(claim):
        return nothing_found(CODE, claim)
    wiring = Wiring(census)
    found = {tensor.index: output_channels(tensor, wiring.kernel_of(tensor)) for tensor in weights}
    layer = ", ".join(named_layers(claim))
    evidence = f"{layer}: {' and '.join(str(number) for number in sorted(set(found.values())))} output channels"
    if set(found.values()) == {expected}:
        return ClaimResult(evidence)
    message = f"{claim['step']}: {evidence} in the file, {count(expected, 'channel')} expected"
    return ClaimResult(evidence, (Finding(CODE, message, named_layers(claim)),))


CLAIMS.register("channels")(ClaimChecker(check))
