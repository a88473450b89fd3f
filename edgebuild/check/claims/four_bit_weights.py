"""Claim `four_bit_weights` {except?}: weights are stored in 4 bits, two a byte, wherever their operation takes them."""

from __future__ import annotations

from typing import Any

from edgebuild.check.census.model import Census
from edgebuild.check.claim import ClaimChecker, ClaimResult
from edgebuild.check.finding import Finding
from edgebuild.check.four_bits import obstacle, packed_bytes
from edgebuild.check.layer_types import FLOATS, owner
from edgebuild.check.selection import nothing_found
from edgebuild.check.wiring import Wiring
from edgebuild.check.wording import layers_of, listing, places
from edgebuild.config.registries import CLAIMS

CODE = "wide-weights"
"""The code of the rule that sees the same, so that one `allow:` entry covers both."""


def check(census: Census, claim: dict[str, Any]) -> ClaimResult:
    """Count the weights of 4 bits and the bytes that they take; one at least must be there.

    Floating-point weights are for `float-weights` to see.
    """
    wiring = Wiring(census)
    weights = [t for t in census.weights if t.shape and owner(t.layer, claim.get("except", ())) is None]
    narrow = [tensor for tensor in weights if tensor.dtype == "int4"]
    wide = [tensor for tensor in weights if tensor.dtype != "int4" and tensor.dtype not in FLOATS]
    if not weights:
        return nothing_found(CODE, claim)
    stored, expected = sum(t.bytes for t in narrow), sum(packed_bytes(t) for t in narrow)
    evidence = f"{len(narrow)} of {len(weights)} weight tensors int4, {stored} bytes, two weights a byte"
    kept = [tensor for tensor in wide if obstacle(tensor, wiring.kernel_of(tensor)) is not None]
    if kept:
        evidence += f"; of more bits, as their operations want: {places(kept)}"
    if not narrow:
        why = listing(dict.fromkeys(f"{t.layer}: {obstacle(t, wiring.kernel_of(t))}" for t in weights))
        message = f"{claim['step']}: no weight is int4 in this format ({why})"
        return ClaimResult(evidence, (Finding(CODE, message, layers_of(weights, ())),))
    if stored != expected:
        message = f"{claim['step']}: the int4 weights take {stored} bytes, {expected} expected"
        return ClaimResult(evidence, (Finding(CODE, message, layers_of(narrow, ())),))
    left = [tensor for tensor in wide if tensor not in kept]
    if left:
        message = f"{claim['step']}: {places(left)} could be int4 and is not"
        return ClaimResult(evidence, (Finding(CODE, message, layers_of(left, ())),))
    return ClaimResult(evidence)


CLAIMS.register("four_bit_weights")(ClaimChecker(check))
