"""The constraint of pruned weights: what was set to zero stays zero."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebuild.compress.constraints import CONSTRAINTS
from edgebuild.errors import ConfigError
from edgebuild.model.addition import Addition

if TYPE_CHECKING:
    import torch

FILE = "constraint.zeros.safetensors"
"""parameter's dotted name -> uint8 of its shape: 1 where it may be anything, 0 where it is zero."""

ZEROS = {"constraint": "zeros", "file": FILE}


class KeepZeros(Addition):
    """Holds weights at zero through training: they get no gradient, and are set to zero after every step.

    The second is needed too: momentum and weight decay move weights without a gradient.
    """

    def __init__(self, masks: Mapping[str, torch.Tensor]) -> None:
        """`masks`: parameter's dotted name -> 1 where it may be anything, 0 where it stays zero; of its shape."""
        self._masks = dict(masks)
        self._pairs: list[tuple[torch.nn.Parameter, torch.Tensor]] = []

    @contextlib.contextmanager
    def attached(self, model: torch.nn.Module, sample: tuple[torch.Tensor, ...]) -> Iterator[None]:
        """Find the parameters, and set to zero what is masked.

        Raises:
            ConfigError: the model has no such parameter, or one of another shape.
        """
        self._pairs = pairs_of(model, self._masks)
        self.after_step(model, 0.0)
        yield
        self._pairs = []

    def after_backward(self, model: torch.nn.Module, done: float) -> None:
        """Take the gradient from pruned weights, so that it counts in no norm."""
        for parameter, mask in self._pairs:
            if parameter.grad is not None:
                parameter.grad.mul_(mask)

    def after_step(self, model: torch.nn.Module, done: float) -> None:
        """Set pruned weights to zero."""
        for parameter, mask in self._pairs:
            parameter.data.mul_(mask)


def pairs_of(
    model: torch.nn.Module, masks: Mapping[str, torch.Tensor]
) -> list[tuple[torch.nn.Parameter, torch.Tensor]]:
    """Every masked parameter of `model` with its mask in the parameter's dtype, where it lies.

    Raises:
        ConfigError: the model has no such parameter, or one of another shape.
    """
    own = dict(model.named_parameters(remove_duplicate=False))
    for name, mask in masks.items():
        found = tuple(own[name].shape) if name in own else None
        if found != tuple(mask.shape):
            what = "there is no such parameter" if found is None else f"it has shape {found}"
            msg = f"the mask of pruned weights does not fit {name!r}: {what}, expected {tuple(mask.shape)}"
            raise ConfigError(msg, remedy="put what changes the structure before the step that sets weights to zero")
    return [(own[name], mask.to(own[name])) for name, mask in masks.items()]


def read_masks(folder: Path) -> dict[str, torch.Tensor]:
    """The masks of a model folder by parameter; empty where no step set weights to zero."""
    from safetensors.torch import load_file

    file = folder / FILE
    masks: dict[str, torch.Tensor] = load_file(file) if file.is_file() else {}
    return masks


def write_masks(folder: Path, masks: Mapping[str, torch.Tensor]) -> None:
    """Write the masks beside a model; its record must hold `ZEROS`."""
    import torch
    from safetensors.torch import save_file

    save_file({name: masks[name].to(torch.uint8).contiguous() for name in sorted(masks)}, folder / FILE)


@CONSTRAINTS.register("zeros")
def keep_zeros(folder: Path, constraint: Mapping[str, Any]) -> Addition:
    """The masks of the folder, kept through training."""
    return KeepZeros(read_masks(folder))
