"""The built-in training loop: plain, seeded, deterministic; and the way into the user's own."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.errors import ConfigError
from edgebuild.model.addition import Addition, TrainStep
from edgebuild.model.evaluate import named_outputs
from edgebuild.model.losses import Loss, as_tensors, resolve_loss
from edgebuild.model.seeding import deterministic
from edgebuild.model.split import Split
from edgebuild.model.user_code import call_user
from edgebuild.progress import ProgressSink

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class TrainSettings:
    """How to train.

    Attributes:
        optimizer: `sgd`, `adam` or `adamw`.
        learning_rate: peak; reached after the warm-up.
        schedule: `constant`; `cosine` down to 0; `step`, a tenth after half and again after three quarters.
        warmup_epochs: epochs (may be a fraction) over which the rate rises linearly from 0.
        momentum: of sgd.
        clip_norm: largest norm of all gradients together; 0 does not clip.
        loss: one of `edgebuild.model.losses.LOSSES`, or `module:function`.
        keep_best: end with the weights of the epoch with the lowest validation loss, not with the last ones.
    """

    epochs: int = 10
    batch_size: int = 64
    optimizer: str = "adam"
    learning_rate: float = 0.001
    weight_decay: float = 0.0
    schedule: str = "cosine"
    warmup_epochs: float = 0.0
    momentum: float = 0.9
    label_smoothing: float = 0.0
    clip_norm: float = 0.0
    loss: str = "auto"
    keep_best: bool = True

    @staticmethod
    def from_json(section: Mapping[str, Any]) -> TrainSettings:
        """Read a project's `train:` section; `function` and `kwargs` belong to `train_with_function`."""
        names = {field.name for field in fields(TrainSettings)}
        return TrainSettings(**{key: value for key, value in section.items() if key in names and value is not None})


@dataclass(frozen=True)
class Epoch:
    """One row of a history: mean losses over the two splits, and the learning rate at the epoch's end."""

    epoch: int
    train_loss: float
    validation_loss: float
    learning_rate: float
    kept: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def train(
    model: torch.nn.Module,
    data: Split,
    validation: tuple[Mapping[str, np.ndarray], np.ndarray],
    settings: TrainSettings,
    seed: int,
    threads: int,
    progress: ProgressSink,
    project_root: Path,
    additions: Sequence[Addition] = (),
) -> list[Epoch]:
    """Train `model` in place and leave it in eval mode; the same arguments give the same bits on one kind of machine.

    Args:
        model: its parameters with `requires_grad` are trained.
        data: the training split, shuffled by `seed` in every epoch.
        validation: inputs by name [n, ...] and targets [n, ...], as the data folder has them.
        settings: how to train.
        seed: of the shuffling, of dropout, and of random augmentation in the user's Dataset.
        threads: of torch, for as long as this runs.
        progress: gets the share of steps done.
        project_root: where a loss `module:function` is looked for.
        additions: what every training step does besides, such as distillation or keeping pruned weights at zero.

    Returns:
        One row per epoch; `kept` marks the one whose weights the model has.

    Raises:
        ConfigError: the model is an exported program, the loss is not finite, or labels, outputs and loss do not fit
            together.
    """
    _check_trainable(model)
    loss = resolve_loss(settings.loss, settings.label_smoothing, project_root)
    with deterministic(seed, threads), contextlib.ExitStack() as attached:
        for addition in additions:
            attached.enter_context(addition.attached(model, _sample(data)))
        loop = _Loop(model, data, settings, seed, loss, additions)
        history: list[Epoch] = []
        best: tuple[float, int, dict[str, torch.Tensor]] | None = None
        for epoch in range(1, settings.epochs + 1):
            train_loss = loop.run_epoch(epoch, progress)
            validation_loss = mean_loss(model, validation, loss, settings.batch_size)
            history.append(Epoch(epoch, train_loss, validation_loss, loop.rate()))
            if settings.keep_best and (best is None or validation_loss < best[0]):
                best = (validation_loss, epoch, copy.deepcopy(model.state_dict()))
        kept = settings.epochs
        if best is not None:
            kept = best[1]
            model.load_state_dict(best[2])
    model.eval()
    progress.update(1.0, "trained")
    return [Epoch(**{**row.to_json(), "kept": row.epoch == kept}) for row in history]


def train_with_function(
    reference: str,
    kwargs: Mapping[str, Any],
    model: torch.nn.Module,
    data: Split,
    validation: tuple[Mapping[str, np.ndarray], np.ndarray],
    seed: int,
    threads: int,
    project_root: Path,
) -> None:
    """Let the user's `module:function(model, train, validation, **kwargs)` train `model` in place.

    `train` and `validation` are pairs of (inputs by name, targets) as tensors, normalised. Randomness is seeded and
    deterministic algorithms are on while it runs.

    Raises:
        ConfigError: the model is an exported program, or the function raises or returns another model than it was
            given.
    """
    _check_trainable(model)
    train_inputs, train_targets = data.stack(np.arange(data.length))
    pairs = []
    for inputs, targets in ((train_inputs, train_targets), validation):
        tensors, labels = as_tensors(inputs, targets)
        pairs.append((dict(zip(inputs, tensors, strict=True)), labels))
    with deterministic(seed, threads):
        result = call_user(reference, project_root, (model, *pairs), kwargs)
    if result is not None and result is not model:
        msg = f"{reference!r} returned a {type(result).__name__}, expected the model it was given, trained in place"
        raise ConfigError(msg)
    model.eval()


def mean_loss(
    model: torch.nn.Module, split: tuple[Mapping[str, np.ndarray], np.ndarray], loss: Loss, batch_size: int
) -> float:
    """The mean loss over a split, in eval mode (the model is left in it)."""
    import torch

    inputs, targets = split
    model.eval()
    total = 0.0
    with torch.no_grad():
        for start in range(0, len(targets), batch_size):
            rows = slice(start, start + batch_size)
            batch, labels = as_tensors({name: array[rows] for name, array in inputs.items()}, targets[rows])
            total += float(loss(named_outputs(model(*batch)), labels)) * len(labels)
    return total / len(targets)


def _check_trainable(model: torch.nn.Module) -> None:
    import torch

    if isinstance(model, torch.fx.GraphModule):
        msg = "training: a torch.export program cannot be trained"
        raise ConfigError(msg, remedy="give the model as model.factory, or leave out train:")


def _sample(data: Split) -> tuple[torch.Tensor, ...]:
    """Inputs of the first training samples: two, as batch normalisation has no variance over one."""
    return as_tensors(*data.stack(np.arange(min(2, data.length))))[0]


class _Loop:
    """The state of one training run: order of the samples, optimizer, step count."""

    def __init__(
        self,
        model: torch.nn.Module,
        data: Split,
        settings: TrainSettings,
        seed: int,
        loss: Loss,
        additions: Sequence[Addition],
    ) -> None:
        self.model, self.data, self.settings = model, data, settings
        self.loss, self.additions = loss, additions
        self.order = np.random.default_rng(seed)
        self.optimizer = _optimizer(model, settings, additions)
        full, rest = divmod(data.length, settings.batch_size)
        # A last batch of one sample is left out: batch normalisation has no variance over it.
        self.steps_per_epoch = full + (1 if rest > 1 or full == 0 else 0)
        self.step = 0

    def rate(self) -> float:
        """The learning rate of the last step."""
        return float(self.optimizer.param_groups[0]["lr"])

    def run_epoch(self, epoch: int, progress: ProgressSink) -> float:
        """One pass over the shuffled training split; the mean loss over its steps."""
        self.model.train()
        size, total = self.settings.batch_size, self.steps_per_epoch * self.settings.epochs
        rows = self.order.permutation(self.data.length)
        losses = []
        for index in range(self.steps_per_epoch):
            losses.append(self._train_step(rows[index * size : (index + 1) * size], total))
            progress.update(self.step / total, f"training, epoch {epoch} of {self.settings.epochs}")
        return sum(losses) / len(losses)

    def _train_step(self, rows: np.ndarray, total: int) -> float:
        import torch

        share = learning_rate_share(self.settings, self.step / total, self.step / self.steps_per_epoch)
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * share
        inputs, targets = as_tensors(*self.data.stack(rows))
        outputs = named_outputs(self.model(*inputs))
        done = self.step / total
        loss = self._loss(TrainStep(self.model, inputs, outputs, targets, done))
        value = float(loss.detach())
        if not math.isfinite(value):
            msg = f"training: the loss became {value} at step {self.step + 1} of {total}"
            raise ConfigError(msg, remedy="lower train.learning_rate, or set train.warmup_epochs or train.clip_norm")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for addition in self.additions:
            addition.after_backward(self.model, done)
        if self.settings.clip_norm > 0:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip_norm)
        self.optimizer.step()
        self.step += 1
        for addition in self.additions:
            addition.after_step(self.model, self.step / total)
        return value

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
        start = min(settings.warmup_epochs / settings.epochs, 1.0)
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
