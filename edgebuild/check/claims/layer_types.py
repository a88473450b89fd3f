"""Claim `layer_types` {types: {layer: dtype}}: the weights of these layers are stored in types of their own."""

from __future__ import annotations

from collections import Counter
from typing import Any

from edgebuild.check.census.model import Census
from edgebuild.check.claim import ClaimChecker, ClaimResult
from edgebuild.check.finding import Finding
from edgebuild.check.layer_types import owner
from edgebuild.check.selection import parameter
from edgebuild.check.wording import listing
from edgebuild.config.registries import CLAIMS

CODE = "layer-types"


def check(census: Census, claim: dict[str, Any]) -> ClaimResult:
    """Look every layer up by name: all its weights must have the type, and there must be one at least.

    That no other layer has left the type of the rest is for `weights_dtype` to see, which leaves these ones out.
    """
    types: dict[str, str] = parameter(claim, "types")
    found: dict[str, list[str]] = {layer: [] for layer in types}
    for tensor in census.weights:
        layer = owner(tensor.layer, types)
        if layer is not None and tensor.shape:
            found[layer].append(tensor.dtype)
    right = [layer for layer, dtypes in found.items() if dtypes and set(dtypes) == {types[layer]}]
    counted = Counter(types[layer] for layer in right)
    kinds = ", ".join(f"{number} {dtype}" for dtype, number in sorted(counted.items())) or "none"
    evidence = f"{len(right)} of {len(types)} layers named have their own type: {kinds} ({listing(right)})"
    wrong = [layer for layer in types if layer not in right]
    if not wrong:
        return ClaimResult(evidence)
    told = listing(f"{layer} is {_found(found[layer])}, not {types[layer]}" for layer in wrong)
    return ClaimResult(evidence, (Finding(CODE, f"{claim['step']}: {told}", tuple(wrong)),))


def _found(dtypes: list[str]) -> str:
    return " and ".join(sorted(set(dtypes))) or "not in the file"


CLAIMS.register("layer_types")(ClaimChecker(check))
