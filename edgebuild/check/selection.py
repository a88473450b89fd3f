"""The weights that a claim speaks of, and its parameters read with errors that name the claim."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgebuild.check.census.model import Census, TensorRecord
from edgebuild.check.claim import ClaimResult
from edgebuild.check.finding import Finding
from edgebuild.errors import InternalError


def parameter(claim: Mapping[str, Any], name: str) -> Any:
    """The claim's parameter `name`.

    Raises:
        InternalError: a step wrote a claim without it.
    """
    if name not in claim:
        msg = f"claim {claim.get('claim')} of step {claim.get('step')} has no {name!r}: {dict(claim)}"
        raise InternalError(msg)
    return claim[name]


def named_layers(claim: Mapping[str, Any]) -> tuple[str, ...]:
    """The layers the claim names with `layer` or `layers`; empty where it speaks of all."""
    layers = tuple(claim.get("layers", ()))
    return (*layers, claim["layer"]) if "layer" in claim else layers


def weights_of(census: Census, claim: Mapping[str, Any]) -> tuple[TensorRecord, ...]:
    """The weight tensors of the claim's layers, of all layers where it names none; scalars do not count."""
    layers = named_layers(claim)
    return tuple(t for t in census.weights if t.shape and (not layers or t.layer in layers))


def nothing_found(code: str, claim: Mapping[str, Any]) -> ClaimResult:
    """The result where the file has no weight of the layers that the claim names: nothing is proved."""
    layers = named_layers(claim)
    where = f"of {', '.join(layers)} " if layers else ""
    message = f"{claim.get('step')}: no weight tensor {where}found in the file, so its effect is not proved"
    return ClaimResult("no weight tensor found", (Finding(code, message, layers),))
