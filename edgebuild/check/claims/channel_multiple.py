"""Claim `channel_multiple` {multiple, layer(s)?, except?}: output channels are multiples the target's kernels like."""

from __future__ import annotations

from typing import Any

from edgebuild.check.census.model import Census
from edgebuild.check.channels import output_channels
from edgebuild.check.claim import ClaimChecker, ClaimResult
from edgebuild.check.finding import Finding
from edgebuild.check.selection import nothing_found, parameter, weights_of
from edgebuild.check.wiring import Wiring
from edgebuild.check.wording import layers_of, listing, place
from edgebuild.config.registries import CLAIMS

CODE = "channel-multiple"

_MATRIX = 2
"""Fewer dimensions make a scale or an offset, not a weight with output channels."""


def check(census: Census, claim: dict[str, Any]) -> ClaimResult:
    """Find weights whose output channels are no multiple; layers in `except` (such as the classifier) are left out."""
    multiple = parameter(claim, "multiple")
    excepted = frozenset(claim.get("except", ()))
    weights = [t for t in weights_of(census, claim) if len(t.shape) >= _MATRIX and t.layer not in excepted]
    if not weights:
        return nothing_found(CODE, claim)
    wiring = Wiring(census)
    odd = {t.index: n for t in weights if (n := output_channels(t, wiring.kernel_of(t))) % multiple}
    evidence = (
        f"{len(weights) - len(odd)} of {len(weights)} weight tensors have a multiple of {multiple} output channels"
    )
    if not odd:
        return ClaimResult(evidence)
    records = [tensor for tensor in weights if tensor.index in odd]
    named = listing(f"{place(tensor)}: {odd[tensor.index]}" for tensor in records)
    message = f"{claim['step']}: multiples of {multiple} output channels promised, not so in {named}"
    return ClaimResult(evidence, (Finding(CODE, message, layers_of(records, ())),))


CLAIMS.register("channel_multiple")(ClaimChecker(check))
