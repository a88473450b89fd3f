"""What a training step does besides following the task's loss: other losses, rules for weights, own parameters."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgebuild.model.precision import FULL

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class TrainStep:
    """One step of training, after the forward pass.

    Attributes:
        inputs: the batch, in the order of the model's arguments [n, ...].
        outputs: of the model, by name [n, ...], with their graph.
        targets: of the batch [n, ...].
        done: share of all steps that were done before, in [0, 1).
        precision: of the training, for other models that see the batch (`edgebuild.model.precision.forward`).
    """

    model: torch.nn.Module
    inputs: tuple[torch.Tensor, ...]
    outputs: Mapping[str, torch.Tensor]
    targets: torch.Tensor
    done: float
    precision: str = FULL


class Addition:
    """One thing that training does besides; each method does nothing until it is overridden.

    The loss of a step is the task's, times the `task_share` of every addition, plus the `loss` of every addition: it
    does not depend on their order. The hooks after the backward pass and after the optimizer's step run in their order.
    """

    task_share: float = 1.0

    def objects_to(self, processes: int, device: str) -> str | None:
        """Why it cannot run in so many processes or on this device (`cpu`, `cuda`); None where it can.

        In several processes each has the whole of it and sees its share of every batch. Gradients are summed before
        `after_backward`, so that what is done to weights from then on must be the same in all of them.
        """
        return None

    def attached(
        self, model: torch.nn.Module, sample: tuple[torch.Tensor, ...]
    ) -> AbstractContextManager[object, bool | None]:
        """Entered before the first step and left after the last one, also when training fails.

        This is the place for hooks on layers and for what depends on shapes: `sample` is a small batch of inputs.
        """
        return contextlib.nullcontext()

    def parameters(self) -> Sequence[torch.nn.Parameter]:
        """Parameters of its own, asked for once it is attached: trained with the model's, not saved with them."""
        return ()

    def buffers(self) -> Sequence[torch.Tensor]:
        """Tensors of its own that follow the batches, such as running means: averaged over the processes."""
        return ()

    def loss(self, step: TrainStep) -> torch.Tensor | None:
        """A scalar that is added to the loss: a mean over the samples of the step."""
        return None

    def after_backward(self, model: torch.nn.Module, done: float) -> None:
        """See or change the gradients, before they are clipped; `done` is the share of steps done before this one."""

    def after_step(self, model: torch.nn.Module, done: float) -> None:
        """Put the weights right after an optimizer step; `done` is the share of all steps done, in (0, 1].

        Where a killed training goes on it is called once more for the last step: twice must be as good as once.
        """

    def measured(self) -> dict[str, float]:
        """What it has to say after an epoch, by name, for the history."""
        return {}

    def state(self) -> dict[str, torch.Tensor]:
        """What a training that goes on after a kill must know besides its `parameters`."""
        return {}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on from what `state` gave, once it is attached."""
