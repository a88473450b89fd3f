"""The claim `factors`: what stands in a layer's place; it follows what later steps do to the factors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgebuild.compress.factorize import factors
from edgebuild.compress.factorize.factors import Factor

if TYPE_CHECKING:
    import torch

CLAIM = "factors"


def names_of(layer: str, count: int) -> list[str]:
    """Dotted names of a layer's factors."""
    return [f"{layer}.{place}" for place in range(count)]


def factors_claim(step: str, layer: str, method: str, ranks: Sequence[int], parts: Sequence[Factor]) -> dict[str, Any]:
    """The claim as JSON: with their channels and sizes, the factors show their ranks."""
    rows = [
        {"layer": name, "channels": factors.channels(part), "weights": factors.weights(part)}
        for name, part in zip(names_of(layer, len(parts)), parts, strict=True)
    ]
    return {"claim": CLAIM, "step": step, "layer": layer, "method": method, "ranks": list(ranks), "factors": rows}


def moved(claim: Mapping[str, Any], parts: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """An earlier claim about a layer is one about its factors now: all of them cost, the last one has its outputs.

    The first one has its inputs.

    `parts` are the factors' names by the layer's.
    """
    now = dict(claim)
    if claim.get("layer") in parts:
        now["layer"] = parts[claim["layer"]][0 if claim["claim"] == "input_channels" else -1]
    if "layers" in claim:
        chosen = slice(None) if claim["claim"] == "macs" else slice(-1, None)
        now["layers"] = [part for layer in claim["layers"] for part in parts.get(layer, [layer])[chosen]]
    return now


def after_cut(claims: Iterable[Mapping[str, Any]], model: torch.nn.Module) -> list[dict[str, Any]]:
    """The claims, those about factors as the factors are in `model`: a later step may cut their channels."""
    return [_now(claim, model) if claim["claim"] == CLAIM else dict(claim) for claim in claims]


def _now(claim: Mapping[str, Any], model: torch.nn.Module) -> dict[str, Any]:
    rows = []
    for row in claim["factors"]:
        weight: Any = model.get_submodule(row["layer"]).weight
        rows.append({**row, "channels": int(weight.shape[0]), "weights": int(weight.numel())})
    return {**claim, "factors": rows}
