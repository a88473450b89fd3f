"""A regulariser that pulls weights to the grid of their later integers.

The mean squared quantization error as a loss (Choi et al., Learning Low Precision Deep Neural Networks through
Regularization, 2018): its gradient leads to the nearest step. It is taken in steps, so that layers of small weights
count like others. The step follows the weight, without a gradient: the largest magnitude of a channel or tensor is the
last one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from edgebuild.compress.grid.parameters import Grid
from edgebuild.errors import ConfigError
from edgebuild.model.addition import Addition, TrainStep

if TYPE_CHECKING:
    import torch

_SMALLEST = 1e-12
_BEFORE = "before"


class PullToGrid(Addition):
    """Adds the mean squared distance of all weights to their steps, in steps, to the loss."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._weights: list[tuple[torch.nn.Parameter, int | None]] = []
        self._before = 0.0

    @contextlib.contextmanager
    def attached(self, model: torch.nn.Module, sample: tuple[torch.Tensor, ...]) -> Iterator[None]:
        """Find the weights.

        Raises:
            ConfigError: the model has no convolution or linear layer.
        """
        self._weights = weights_of(model, self._grid)
        if not self._weights:
            msg = "grid: the model has no convolution or linear layer whose weight could be pulled to steps"
            raise ConfigError(msg, remedy="leave grid out")
        self._before = self._distance_now()
        yield
        self._weights = []

    def loss(self, step: TrainStep) -> torch.Tensor:
        """The distance, times a factor that grows: weights that are held too early no longer learn the task."""
        return self._grid.weight * step.done * self._distance()

    def measured(self) -> dict[str, float]:
        """Before this training and now: mean squared distance in steps; weights that lie anywhere have 1/12."""
        return {"grid_distance_before": self._before, "grid_distance": self._distance_now()}

    def state(self) -> dict[str, torch.Tensor]:
        """The distance that the training began with."""
        import torch

        return {_BEFORE: torch.tensor([self._before], dtype=torch.float64)}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take it back."""
        self._before = float(state[_BEFORE])

    def _distance(self) -> torch.Tensor:
        total: torch.Tensor | int = sum(
            squared_distance(weight, axis, self._grid.bits) for weight, axis in self._weights
        )
        assert not isinstance(total, int), "there are weights"
        return total / sum(weight.numel() for weight, _ in self._weights)

    def _distance_now(self) -> float:
        return float(self._distance().detach())


def weights_of(model: torch.nn.Module, grid: Grid) -> list[tuple[torch.nn.Parameter, int | None]]:
    """The weights that are trained, each once, with the dimension of their channels; None for one step per tensor."""
    import torch

    found: dict[int, tuple[torch.nn.Parameter, int | None]] = {}
    transposed = (torch.nn.ConvTranspose1d, torch.nn.ConvTranspose2d, torch.nn.ConvTranspose3d)
    convolutions = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)
    for layer in model.modules():
        if isinstance(layer, torch.nn.Linear):
            axis = 0 if grid.fully_connected == "per_channel" else None
        elif isinstance(layer, convolutions + transposed):
            channels = 1 if isinstance(layer, transposed) else 0
            axis = channels if grid.granularity == "per_channel" else None
        else:
            continue
        weight: Any = layer.weight
        if isinstance(weight, torch.nn.Parameter) and weight.requires_grad:
            found.setdefault(id(weight), (weight, axis))
    return list(found.values())


def squared_distance(weight: torch.Tensor, axis: int | None, bits: int) -> torch.Tensor:
    """Sum over all numbers of the squared distance to the nearest step, in steps."""
    largest = 2 ** (bits - 1) - 1
    whole = weight.detach().abs()
    others = [dim for dim in range(weight.dim()) if dim != axis]
    reach = whole.amax() if axis is None else whole.amax(dim=others, keepdim=True)
    step = reach.clamp_min(_SMALLEST) / largest
    nearest = (weight.detach() / step).round() * step
    distance: torch.Tensor = ((weight - nearest) / step) ** 2
    return distance.sum()
