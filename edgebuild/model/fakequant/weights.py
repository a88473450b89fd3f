"""Modules that round the weight of one operation, with the batch norm behind it folded in where there is one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from edgebuild.model.fakequant.rounding import SMALLEST, round_weight

if TYPE_CHECKING:
    import torch


Round = Callable[["torch.Tensor"], "torch.Tensor"]
"""(weight) -> the weight as the file has it"""


def rounding_along(axis: int | None) -> Round:
    """One scale per index of `axis`, or one for all where that is None."""
    return functools.partial(round_weight, axis=axis)


def exact(weight: torch.Tensor) -> torch.Tensor:
    """A weight that stays in floating point."""
    return weight


def rounded_weight(rounding: Round) -> Any:
    """A module (weight)."""
    return _rounded_weight()(rounding)


def folded_norm(norm: torch.nn.Module, target: Any, rest: tuple[Any, ...], axis: int, rounding: Round) -> Any:
    """A module (x, weight, bias) that computes `target` with the batch norm behind it folded into its weight.

    While the norm's statistics are trained the batch's own are used, on the unscaled result, so that the weight is
    always scaled by the running ones, as it will be in the file (Krishnamoorthi, 2018, section 3.2.2).

    Args:
        norm: the user's module; it stays in the user's model.
        target: operation on (x, weight, bias, *rest).
        rest: further arguments of `target`.
        axis: the weight's dimension of output channels.
        rounding: of the folded weight.
    """
    return _folded_norm()(norm, target, rest, axis, rounding)


@functools.cache
def _rounded_weight() -> Any:
    """In a function, because torch is imported only when it is needed."""
    import torch

    class RoundedWeight(torch.nn.Module):
        def __init__(self, rounding: Round) -> None:
            super().__init__()
            self.rounding = rounding

        def forward(self, weight: torch.Tensor) -> torch.Tensor:
            return self.rounding(weight)

    return RoundedWeight


@functools.cache
def _folded_norm() -> Any:
    import torch

    class FoldedNorm(torch.nn.Module):
        def __init__(self, norm: Any, target: Any, rest: tuple[Any, ...], axis: int, rounding: Round) -> None:
            super().__init__()
            self.apart = (norm, target, rest)  # in a tuple, so that the norm is not this module's child
            self.axis, self.rounding, self.frozen = axis, rounding, False

        def forward(self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> Any:
            norm, target, rest = self.apart
            scaled, factor = self.scaled(weight)
            rounded = self.rounding(scaled)
            if not self.training or self.frozen:
                return target(x, rounded, self.folded_bias(bias, factor), *rest)
            safe = torch.where(factor.abs() < SMALLEST, torch.full_like(factor, SMALLEST), factor)
            plain = target(x, rounded, None, *rest)
            shape = [1, -1, *[1] * (plain.dim() - 2)]
            plain = plain / safe.reshape(shape)
            if bias is not None:
                plain = plain + bias.reshape(shape)
            return type(norm).forward(norm, plain)

        def scaled(self, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            """The folded weight, and the factor of each output channel."""
            norm = self.apart[0]
            factor = torch.rsqrt(norm.running_var + norm.eps)
            if norm.weight is not None:
                factor = norm.weight * factor
            shape = [1] * weight.dim()
            shape[self.axis] = -1
            return weight * factor.reshape(shape), factor

        def folded_bias(self, bias: torch.Tensor | None, factor: torch.Tensor) -> torch.Tensor:
            """The bias of the operation with the norm folded into it."""
            norm = self.apart[0]
            shift = -norm.running_mean if bias is None else bias - norm.running_mean
            folded: torch.Tensor = shift * factor
            return folded if norm.bias is None else folded + norm.bias

    return FoldedNorm
