"""Claim `factors` {layer, factors}: in the layer's place the file has the weights of its factors, and not its own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from edgebuild.check.census.model import Census, TensorRecord
from edgebuild.check.channels import output_channels
from edgebuild.check.claim import ClaimChecker, ClaimResult
from edgebuild.check.finding import Finding
from edgebuild.check.selection import parameter
from edgebuild.check.wiring import Wiring
from edgebuild.check.wording import count, listing
from edgebuild.config.registries import CLAIMS

CODE = "factors"


def check(census: Census, claim: dict[str, Any]) -> ClaimResult:
    """Compare, for every factor, the output channels and the size of its weight: together they are the ranks."""
    layer = str(parameter(claim, "layer"))
    expected: list[Mapping[str, Any]] = parameter(claim, "factors")
    wiring = Wiring(census)
    wrong = []
    shapes = []
    for factor in expected:
        name = str(factor["layer"])
        found = [_size(weight, wiring) for weight in census.weights if weight.layer == name and weight.shape]
        wanted = (int(factor["channels"]), int(factor["weights"]))
        shapes += [f"{channels} channels of {numbers // channels} weights" for channels, numbers in found]
        if not found:
            wrong.append(f"{name} has no weight tensor")
        wrong += [
            f"{name} has {channels} channels and {numbers} weights, not {wanted[0]} and {wanted[1]}"
            for channels, numbers in found
            if (channels, numbers) != wanted
        ]
    if any(weight.layer == layer and weight.shape for weight in census.weights):
        wrong.append(f"{layer} has a weight tensor of its own")
    evidence = f"{layer}: {', '.join(shapes)}" if shapes else f"{layer}: no factor found"
    if not wrong:
        return ClaimResult(evidence)
    message = f"{claim['step']}: {count(len(expected), 'factor')} in the place of {layer} promised: {listing(wrong)}"
    return ClaimResult(evidence, (Finding(CODE, message, (layer,)),))


def _size(weight: TensorRecord, wiring: Wiring) -> tuple[int, int]:
    """(output channels, numbers in the weight), in whichever order the file stores it."""
    return output_channels(weight, wiring.kernel_of(weight)), math.prod(weight.shape)


CLAIMS.register("factors")(ClaimChecker(check))
