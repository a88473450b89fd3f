"""One run of training: order of the samples, optimizer, learning rate, and what each step does."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from edgebuild.errors import ConfigError
from edgebuild.model.addition import Addition, TrainStep
from edgebuild.model.losses import Loss, as_tensors, counted
from edgebuild.model.precision import forward, lay_out
from edgebuild.model.processes.crew import Crew
from edgebuild.model.split import Split
from edgebuild.progress import ProgressSink, format_duration

if TYPE_CHECKING:
    import torch

    from edgebuild.model.train import TrainSettings

_REMEDY = "lower train.learning_rate, or set train.warmup_epochs or train.clip_norm"
_SHOWN = 3


class Loop:
    """The state of one training run: order of the samples, optimizer, step count."""

    def __init__(
        self,
        model: torch.nn.Module,
        data: Split,
        settings: TrainSettings,
        seed: int,
        loss: Loss,
        additions: Sequence[Addition],
        crew: Crew,
    ) -> None:
        self.model, self.data, self.settings, self.seed = model, data, settings, seed
        self.loss, self.additions, self.crew = loss, additions, crew
        self.order = np.random.default_rng(seed)
        self.optimizer = _optimizer(model, settings, additions)
        full, rest = divmod(data.length, settings.batch_size)
        # A last batch that gives a process one sample is left out: batch normalisation has no variance over it.
        self.steps_per_epoch = full + (1 if rest >= 2 * crew.count or full == 0 else 0)
        self.step = 0
        self._started: tuple[float, int] | None = None
        """When the first step of this process was done, and which one that was."""
        self.total = self.steps_per_epoch * settings.epochs

    def trained(self) -> list[torch.nn.Parameter]:
        """All that the optimizer changes: parameters of the model, then those of the additions."""
        return [parameter for group in self.optimizer.param_groups for parameter in group["params"]]

    def rate(self) -> float:
        """The learning rate of the last step."""
        return float(self.optimizer.param_groups[0]["lr"])

    def run_epoch(self, epoch: int, progress: ProgressSink) -> float:
        """One pass over the shuffled training split; the mean loss over its steps.

        Raises:
            ConfigError: a loss or gradient is not finite, or the processes have not the same weights at the end.
        """
        self.model.train()
        self.crew.start_epoch(self.seed, epoch)
        size, total = self.settings.batch_size, self.total
        rows = self.order.permutation(self.data.length)
        losses = []
        for index in range(self.steps_per_epoch):
            losses.append(self._train_step(rows[index * size : (index + 1) * size], total))
            progress.update(self.step / total, f"training, epoch {epoch} of {self.settings.epochs}{self._time_left()}")
        self.check_agreement()
        return sum(losses) / len(losses)

    def _time_left(self) -> str:
        """`, 20 s left`, by the pace of the steps that this process did; an early stop comes sooner."""
        now = time.monotonic()
        if self._started is None:
            self._started = (now, self.step)
            return ""
        since, first = self._started
        return f", {format_duration((now - since) / (self.step - first) * (self.total - self.step))} left"

    def check_agreement(self) -> None:
        """See that all processes have the same weights.

        Raises:
            ConfigError: they have not.
        """
        if not self.crew.agree([*self.trained(), *self.model.parameters(), *self.model.buffers()]):
            others = [type(addition).__name__ for addition in self.additions]
            besides = f"; training does besides: {', '.join(others)}" if others else ""
            found = f"the {self.crew.count} processes have different weights after step {self.step}"
            msg = f"train.processes: {found}{besides}"
            raise ConfigError(
                msg, remedy="find what changes weights by chance or by the batch, or train with train.processes: 1"
            )

    def _train_step(self, rows: np.ndarray, total: int) -> float:
        import torch

        share = self._rate_share()
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * share
        inputs, targets = as_tensors(*self.data.stack(self.crew.share(rows)), self.crew.device)
        inputs = lay_out(inputs, channels_last=self.settings.channels_last)
        done, precision = self.step / total, self.settings.precision
        outputs = forward(self.model, inputs, precision)
        step = TrainStep(self.model, inputs, outputs, targets, done, precision)
        loss, value = self._share_of(self._loss(step), targets)
        if not math.isfinite(value):
            msg = f"training: the loss became {value} at step {self.step + 1} of {total}"
            raise ConfigError(msg, remedy=_REMEDY)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.crew.add_gradients(self.trained())
        for addition in self.additions:
            addition.after_backward(self.model, done)
        self._check_gradients(value, total)
        if self.settings.clip_norm > 0:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip_norm)
        self.optimizer.step()
        self.step += 1
        for addition in self.additions:
            addition.after_step(self.model, self.step / total)
        if self.crew.count > 1:
            own = [tensor for addition in self.additions for tensor in addition.buffers()]
            self.crew.average([*self.model.buffers(), *own])
        return value

    def _share_of(self, loss: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, float]:
        """What this process adds to the loss of the whole batch, by how many targets count; and that loss."""
        if self.crew.count == 1:
            return loss, float(loss.detach())
        number = counted(targets)
        summed, together = self.crew.total([number * float(loss.detach()) if number else 0.0, number])
        return loss * (number / max(together, 1.0)), summed / max(together, 1.0)

    def _rate_share(self) -> float:
        """The learning rate of the next step as a share of its peak."""
        past = self.settings.past_epochs
        before = past * self.steps_per_epoch
        through, epochs = (before + self.step) / (before + self.total), past + self.step / self.steps_per_epoch
        return learning_rate_share(self.settings, through, epochs)

    def _check_gradients(self, loss: float, total: int) -> None:
        """See that every gradient is a number: one step with another ruins all weights it touches.

        Raises:
            ConfigError: one is not; the parameters are named.
        """
        import torch

        found = [(one, one.grad) for one in self.trained() if one.grad is not None]
        # One norm for all is quick; only where it is no number, which may also be an overflow, each is looked at.
        if not found or math.isfinite(float(torch.nn.utils.get_total_norm([grad for _, grad in found]))):
            return
        names = {id(parameter): name for name, parameter in self.model.named_parameters()}
        broken = [one for one, grad in found if not bool(torch.isfinite(grad).all())]
        if broken:
            shown = [repr(names.get(id(one), "what training learns besides the model")) for one in broken]
            listed = ", ".join(shown[:_SHOWN]) + (f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else "")
            msg = (
                f"training: the gradients of {len(broken)} of {len(found)} parameters are not finite at step "
                f"{self.step + 1} of {total}, where the loss is {loss:.4g}: {listed}"
            )
            raise ConfigError(msg, remedy=f"{_REMEDY}; look for a square root, logarithm or division at 0")

    def _loss(self, step: TrainStep) -> torch.Tensor:
        loss = self.loss(step.outputs, step.targets)
        for addition in self.additions:
            if addition.task_share != 1:
                loss = loss * addition.task_share
        for addition in self.additions:
            added = addition.loss(step)
            if added is not None:
                loss = loss + added
        return loss


def learning_rate_share(settings: TrainSettings, done: float, epochs: float) -> float:
    """The learning rate as a share of its peak after `done` of all steps (in [0, 1]), which took `epochs` epochs."""
    if epochs < settings.warmup_epochs:
        return max(epochs / settings.warmup_epochs, 1e-3)
    if settings.schedule == "constant":
        return 1.0
    if settings.schedule == "step":
        return 1.0 if done < 0.5 else 0.1 if done < 0.75 else 0.01
    if settings.schedule == "cosine":
        start = min(settings.warmup_epochs / (settings.past_epochs + settings.epochs), 1.0)
        through = (done - start) / max(1.0 - start, 1e-9)
        return 0.5 * (1.0 + math.cos(math.pi * through))
    msg = f"train.schedule: found {settings.schedule!r}, expected constant, cosine or step"
    raise ConfigError(msg)


def _optimizer(model: torch.nn.Module, settings: TrainSettings, additions: Sequence[Addition]) -> torch.optim.Optimizer:
    import torch

    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    rate, decay = settings.learning_rate, settings.weight_decay
    if not parameters:
        msg = "training: the model has no parameters to train"
        raise ConfigError(msg)
    for addition in additions:
        parameters += addition.parameters()
    if settings.optimizer == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=settings.momentum, weight_decay=decay)
    if settings.optimizer == "adam":
        return torch.optim.Adam(parameters, lr=rate, weight_decay=decay)
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay)
    msg = f"train.optimizer: found {settings.optimizer!r}, expected sgd, adam or adamw"
    raise ConfigError(msg)
