"""Claim `distinct_values` {maximum, layer(s)?, per?}: each weight tensor has at most so many distinct values.

That is a codebook; with `per: channel` each output channel has its own.
"""

from __future__ import annotations

from typing import Any

from edgebuild.check.census.model import Census, TensorRecord
from edgebuild.check.channels import channel_axis
from edgebuild.check.claim import ClaimChecker, ClaimResult
from edgebuild.check.finding import Finding
from edgebuild.check.selection import nothing_found, parameter, weights_of
from edgebuild.check.wiring import Wiring
from edgebuild.check.wording import count as count_of
from edgebuild.check.wording import layers_of, listing, place
from edgebuild.config.registries import CLAIMS

CODE = "distinct-values"


def check(census: Census, claim: dict[str, Any]) -> ClaimResult:
    """Count the distinct stored values of every named layer.

    One codebook survives quantization per tensor; per channel, each channel scales it its own way: values multiply.
    """
    maximum = int(parameter(claim, "maximum"))
    of_channels = claim.get("per") == "channel"
    found = [(tensor, _count(tensor, census, of_channels)) for tensor in weights_of(census, claim)]
    counts = [(tensor, count) for tensor, count in found if count is not None]
    if not counts:
        return nothing_found(CODE, claim)
    each = " a channel" if of_channels else ""
    most = max(count for _, count in counts)
    where = f"{claim['layer']}: " if "layer" in claim else ""
    evidence = f"{where}at most {most} distinct values{each} in {count_of(len(counts), 'weight tensor')}"
    over = [(tensor, count) for tensor, count in counts if count > maximum]
    if not over:
        return ClaimResult(evidence)
    named = listing(f"{place(tensor)}: {count}" for tensor, count in over)
    message = f"{claim['step']}: at most {maximum} distinct values{each} promised, found {named}{_why(census)}"
    return ClaimResult(evidence, (Finding(CODE, message, layers_of([tensor for tensor, _ in over], ())),))


def _why(census: Census) -> str:
    """A hint where the file normalises layers: RSQRT is what the converter makes of that."""
    if not any(operation.name == "RSQRT" for operation in census.operations):
        return ""
    return "; TFLite's converter multiplies the scale of a layer norm into the linear layer behind it: skip that layer"


def _count(tensor: TensorRecord, census: Census, of_channels: bool) -> int | None:
    """Distinct values of a weight, or of the channel that has most; None where the census could not count them."""
    if not of_channels:
        return tensor.distinct
    axis = channel_axis(tensor, Wiring(census).kernel_of(tensor))
    return tensor.distinct_along[axis] if tensor.distinct_along else None


CLAIMS.register("distinct_values")(ClaimChecker(check))
