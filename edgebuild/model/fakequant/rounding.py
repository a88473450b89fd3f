"""Rounding to int8 steps and back in float, with the gradient passed straight through (Bengio et al., 2013).

The scheme is that of the int8 kernels of TFLite and XNNPACK: weights symmetric in [-127, 127] with the largest
magnitude at 127, activations asymmetric in [-128, 127] per tensor, with zero exactly on a step (Jacob et al., CVPR
2018; Krishnamoorthi, 2018).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgebuild.model.fakequant.steps import ACTIVATION_MAX, ACTIVATION_MIN, WEIGHT_MAX, Steps

if TYPE_CHECKING:
    import torch

SMALLEST = 1e-12
"""A channel of zeros has no scale of its own; any will do."""


def round_weight(weight: torch.Tensor, axis: int | None, largest: int = WEIGHT_MAX) -> torch.Tensor:
    """`weight` rounded to its own steps: one scale per index of `axis`, or one for all where that is None.

    `largest` is the step of the largest magnitude, 7 for 4 bits.
    """
    import torch

    detached = weight.detach()
    if axis is None:
        scale = detached.abs().amax().clamp_min(SMALLEST) / largest
        zero = torch.zeros((), dtype=torch.int32)
        return torch.fake_quantize_per_tensor_affine(weight, scale, zero, -largest, largest)
    others = [dim for dim in range(weight.dim()) if dim != axis]
    scale = detached.abs().amax(dim=others).clamp_min(SMALLEST) / largest
    zeros = torch.zeros(len(scale), dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scale, zeros, axis, -largest, largest)


def round_activation(values: torch.Tensor, steps: Steps) -> torch.Tensor:
    """`values` rounded to `steps`, clipped to what they reach."""
    import torch

    return torch.fake_quantize_per_tensor_affine(values, steps.scale, steps.zero_point, ACTIVATION_MIN, ACTIVATION_MAX)
