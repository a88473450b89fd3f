"""What post-training quantization claims of the exported file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgebuild.compress.quantize.mixed.decide import Decided
    from edgebuild.compress.quantize.post_training import Quantize

STEP = "quantize"


def claims_of(parameters: Quantize, types: Mapping[str, str], measured: Decided | None) -> list[dict[str, Any]]:
    """The claims; `types` are those of layers whose weights have another type than the rest.

    Where the layers were `measured`, each of them is named with its type, but for 4 bits: not every format has a
    kernel for them in every layer.
    """
    dtype = "float16" if parameters.kind == "float16" else "int8"
    weights: dict[str, Any] = {"claim": "weights_dtype", "step": STEP, "dtype": dtype}
    if dtype == "int8":
        weights["granularity"] = parameters.granularity
    if parameters.weights == "int4":
        weights = {"claim": "four_bit_weights", "step": STEP}
    claims: list[dict[str, Any]] = [weights]
    if parameters.kind == "static":
        claims.append({"claim": "activations_dtype", "step": STEP, "dtype": parameters.activations})
    named = dict(types)
    if measured is not None:
        named |= {layer: kind for layer, kind in measured.types.items() if kind != "int4"}
    if types:
        claims = [{**claim, "except": list(types)} for claim in claims]
    if named:
        claims.append({"claim": "layer_types", "step": STEP, "types": named})
    if measured is not None and parameters.mixed is not None and parameters.mixed.size is not None:
        layers = list(measured.types)
        claims.append({"claim": "weight_bytes", "step": STEP, "layers": layers, "maximum": parameters.mixed.size})
    return claims
