"""Linear layers with 4-bit weights and activations quantized at run time: the one such kernel that XNNPACK has."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from edgebuild.check.four_bits import GROUP
from edgebuild.export.executorch.layers import is_part

if TYPE_CHECKING:
    import torch


def round_linears(model: torch.nn.Module, float_layers: Collection[str]) -> tuple[str, ...]:
    """Give the linear layers of `model` weights of 4 bits, in place; return their names.

    Every `GROUP` weights along a layer's inputs share a scale, so that a layer whose inputs are no multiple of it is
    left alone; so are the layers in `float_layers`. Convolutions have no such kernel.
    """
    import torch
    from torchao.quantization import Int8DynamicActivationIntxWeightConfig, quantize_
    from torchao.quantization.granularity import PerGroup

    chosen = [
        name
        for name, layer in model.named_modules()
        if type(layer) is torch.nn.Linear
        and layer.in_features % GROUP == 0
        and not any(is_part(name, other) for other in float_layers)
    ]
    config = Int8DynamicActivationIntxWeightConfig(weight_dtype=_four_bits(), weight_granularity=PerGroup(GROUP))
    quantize_(model, config, filter_fn=lambda _layer, name: name in chosen)
    return tuple(chosen)


def _four_bits() -> Any:
    """Torch's own name of the type, which its stubs do not have."""
    import torch

    types: Any = torch
    return types.int4
