"""The numbers and the memory layout that a training computes in; weights and what optimizers keep stay float32."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from edgebuild.model.evaluate import named_outputs

if TYPE_CHECKING:
    import torch

FULL, HALF = "fp32", "bf16"
_IMAGES = 4
"""Dimensions of a tensor that has channels last in memory: [n, channels, h, w]."""


def forward(
    model: torch.nn.Module, inputs: Sequence[torch.Tensor], precision: str = FULL
) -> Mapping[str, torch.Tensor]:
    """Outputs of `model` by name, as float32 where they are fractions.

    In `bf16` convolutions and matrix products read rounded copies of weights and activations (torch.autocast), as in
    Kalamkar et al., A Study of BFLOAT16 for Deep Learning Training, 2019; the loss is then computed in float32.
    """
    import torch

    with torch.autocast(inputs[0].device.type, torch.bfloat16, enabled=precision == HALF):
        outputs = named_outputs(model(*inputs))
    return {name: full(output) for name, output in outputs.items()}


def full(tensor: torch.Tensor) -> torch.Tensor:
    """The same numbers, in float32 where they are in bfloat16."""
    import torch

    return tensor.float() if tensor.dtype == torch.bfloat16 else tensor


@contextlib.contextmanager
def laid_out(model: torch.nn.Module, *, channels_last: bool) -> Iterator[None]:
    """Keep the weights of 2-D convolutions with channels last in memory meanwhile, if asked."""
    import torch

    if channels_last:
        _reorder(model, torch.channels_last)
    try:
        yield
    finally:
        if channels_last:
            _reorder(model, torch.contiguous_format)


def _reorder(model: torch.nn.Module, layout: torch.memory_format) -> None:
    for parameter in model.parameters():
        if parameter.ndim == _IMAGES:
            parameter.data = parameter.data.contiguous(memory_format=layout)


def lay_out(inputs: Sequence[torch.Tensor], *, channels_last: bool) -> tuple[torch.Tensor, ...]:
    """Images with channels last in memory, if asked; the shapes stay."""
    import torch

    if not channels_last:
        return tuple(inputs)
    return tuple(one.to(memory_format=torch.channels_last) if one.ndim == _IMAGES else one for one in inputs)
