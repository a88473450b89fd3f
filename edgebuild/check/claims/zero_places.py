"""Claim `zero_places` {layer, file, tensor}: the layer's weight is zero wherever the mask in the model folder says so.

`file` is a safetensors file of the model folder, `tensor` the mask in it: uint8 in PyTorch's order of axes, 0 where the
weight is zero. Quantization may add zeros, so that the others are not looked at.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.check.census.model import Census
from edgebuild.check.claim import ClaimChecker, ClaimResult
from edgebuild.check.finding import Finding
from edgebuild.check.selection import named_layers, nothing_found, parameter, weights_of
from edgebuild.check.zero_places import zeros_of
from edgebuild.config.registries import CLAIMS

CODE = "zero-places"


def check(census: Census, claim: dict[str, Any]) -> ClaimResult:
    """Compare the zeros of every weight tensor of the layer with the mask, place by place."""
    layer, gone = str(parameter(claim, "layer")), _gone(Path(parameter(claim, "file")), str(parameter(claim, "tensor")))
    found = [zeros for weight in weights_of(census, claim) if (zeros := zeros_of(weight, census)) is not None]
    if not found or gone is None:
        return nothing_found(CODE, claim)
    other = [zeros.shape for zeros in found if zeros.shape != gone.shape]
    if other:
        evidence = f"{layer}: a weight of {list(other[0])} in the file, {list(gone.shape)} in the mask"
        return ClaimResult(evidence, (Finding(CODE, f"{claim['step']}: {evidence}", named_layers(claim)),))
    wrong = max(int((gone & ~zeros).sum()) for zeros in found)
    evidence = f"{layer}: {int(gone.sum()) - wrong} of {int(gone.sum())} masked weights are zero in their places"
    if not wrong:
        return ClaimResult(evidence)
    message = f"{claim['step']}: {evidence}; {wrong} are not"
    return ClaimResult(evidence, (Finding(CODE, message, named_layers(claim)),))


def _gone(file: Path, tensor: str) -> np.ndarray | None:
    """As bool [output channels, input channels, places of the kernel]: True where the mask is 0; None without."""
    from safetensors import safe_open

    if not file.is_file():
        return None
    with safe_open(file, framework="np") as masks:
        if tensor not in masks.keys():  # noqa: SIM118 (it is no mapping)
            return None
        mask = masks.get_tensor(tensor)
    return np.asarray(mask == 0).reshape(*mask.shape[:2], -1)


CLAIMS.register("zero_places")(ClaimChecker(check))
