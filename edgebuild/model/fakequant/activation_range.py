"""A module that rounds the activations of one group, and follows their range while the model trains."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from edgebuild.model.fakequant.rounding import round_activation
from edgebuild.model.fakequant.steps import Steps, steps_of
from edgebuild.model.processes.crew import current

if TYPE_CHECKING:
    import torch


def activation_range(places: int, momentum: float | None = None, steps: Steps | None = None) -> Any:
    """A module (values, place) for a group whose activations are rounded at `places` places.

    `steps` fixes them; otherwise they follow what passes in training, `momentum` is the share of each new batch, and
    None means the widest of all batches. Every place has a range of its own, and the group has the widest of them:
    pooling would narrow it otherwise.
    """
    return _class()(places, momentum, steps)


@functools.cache
def _class() -> Any:
    """In a function, because torch is imported only when it is needed."""
    import torch

    class ActivationRange(torch.nn.Module):
        low: torch.Tensor
        high: torch.Tensor
        seen: torch.Tensor

        def __init__(self, places: int, momentum: float | None, steps: Steps | None) -> None:
            super().__init__()
            self.momentum, self.fixed, self.observing = momentum, steps, True
            self.register_buffer("low", torch.zeros(places))
            self.register_buffer("high", torch.zeros(places))
            self.register_buffer("seen", torch.zeros(places, dtype=torch.bool))

        def forward(self, values: torch.Tensor, place: int) -> torch.Tensor:
            if self.fixed is None and self.training and self.observing:
                self._observe(values.detach(), place)
            return round_activation(values, self.steps())

        def steps(self) -> Steps:
            return self.fixed or steps_of(float(self.low.min()), float(self.high.max()))

        def _observe(self, values: torch.Tensor, place: int) -> None:
            low, high = current().widest(*values.aminmax())  # of the whole batch, whoever trains on it
            if not self.seen[place]:
                self.low[place], self.high[place], self.seen[place] = low, high, True
            elif self.momentum is None:
                self.low[place] = torch.minimum(self.low[place], low)
                self.high[place] = torch.maximum(self.high[place], high)
            else:
                self.low[place] += self.momentum * (low - self.low[place])
                self.high[place] += self.momentum * (high - self.high[place])

    return ActivationRange
