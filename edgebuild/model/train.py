"""The built-in training loop: plain, seeded, deterministic; and the way into the user's own."""

from __future__ import annotations

import contextlib
import copy
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.errors import ConfigError
from edgebuild.model import resume
from edgebuild.model.addition import Addition
from edgebuild.model.checkpoint import Checkpoint, Checkpoints
from edgebuild.model.evaluate import named_outputs
from edgebuild.model.losses import Loss, as_tensors, counted, resolve_loss
from edgebuild.model.precision import FULL, laid_out
from edgebuild.model.processes.crew import Alone, Crew, working
from edgebuild.model.processes.team import hire, pack
from edgebuild.model.seeding import deterministic
from edgebuild.model.split import Split
from edgebuild.model.train_loop import Loop
from edgebuild.model.user_code import call_user
from edgebuild.progress import ProgressSink

if TYPE_CHECKING:
    import torch


logger = logging.getLogger(__name__)


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
        patience: stop after so many epochs without a lower validation loss; 0 trains to the end.
        keep_best: end with the weights of the epoch with the lowest validation loss, not with the last ones.
        processes: how many train together, each on its share of every batch.
        device: `cpu`, `cuda`, or `auto`: a GPU where there is one.
        precision: `fp32`, or `bf16` for convolutions and matrix products; weights are float32 in both.
        channels_last: images and the weights of their convolutions have channels last in memory.
        past_epochs: the learning rate begins where so many epochs of its schedule are over; they come before `epochs`.
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
    patience: int = 0
    processes: int = 1
    device: str = "cpu"
    precision: str = FULL
    channels_last: bool = False
    past_epochs: int = 0

    @staticmethod
    def from_json(section: Mapping[str, Any]) -> TrainSettings:
        """Read a project's `train:` section; `function` and `kwargs` belong to `train_with_function`."""
        names = {field.name for field in fields(TrainSettings)}
        return TrainSettings(**{key: value for key, value in section.items() if key in names and value is not None})


@dataclass(frozen=True)
class Epoch:
    """One row of a history: mean losses over the two splits, and the learning rate at the epoch's end.

    `measured` is what additions say after the epoch, by name.
    """

    epoch: int
    train_loss: float
    validation_loss: float
    learning_rate: float
    kept: bool = False
    measured: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; `measured` only where there is any."""
        values = asdict(self)
        return values if self.measured else {key: value for key, value in values.items() if key != "measured"}


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
    checkpoints: Checkpoints | None = None,
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
        checkpoints: of the stage; a training that was killed goes on from there.

    Returns:
        One row per epoch; `kept` marks the one whose weights the model has.

    Raises:
        ConfigError: the model is an exported program, the loss or a gradient is not finite, or labels, outputs and
            loss do not fit together.
    """
    _check_trainable(model)
    settings = replace(settings, device=chosen_device(settings, additions))
    _check_processes(data, settings, additions)
    training = Training(model, data, validation, settings, seed, threads, project_root, tuple(additions), checkpoints)
    rows: list[Epoch] = []
    if settings.processes == 1:
        rows += run(training, Alone(settings.device), progress)
    else:
        packed = pack(training, training.parts())
        team = hire(settings.processes, settings.device, threads, project_root)
        team.train(packed, lambda crew: rows.extend(run(training, crew, progress)))
    model.eval()
    progress.update(1.0, "trained")
    return rows


@dataclass(frozen=True)
class Training:
    """The arguments of `train`, as they go to every process."""

    model: torch.nn.Module
    data: Split
    validation: tuple[Mapping[str, np.ndarray], np.ndarray]
    settings: TrainSettings
    seed: int
    threads: int
    project_root: Path
    additions: tuple[Addition, ...]
    checkpoints: Checkpoints | None

    def parts(self) -> dict[str, Any]:
        """What may not be possible to send, by its name in messages."""
        additions = {f"what training does besides ({type(one).__name__})": one for one in self.additions}
        return {"the model": self.model, "the training data": self.data, **additions}


def run(training: Training, crew: Crew, progress: ProgressSink) -> list[Epoch]:
    """The training in one of its processes; the model is on the CPU again at the end.

    Raises:
        ConfigError: as `train`.
    """
    model, settings, seed = training.model, training.settings, training.seed
    loss = resolve_loss(settings.loss, settings.label_smoothing, training.project_root)
    model.to(crew.device)
    layout = laid_out(model, channels_last=settings.channels_last)
    with deterministic(seed, training.threads), working(crew), layout, contextlib.ExitStack() as attached:
        for addition in training.additions:
            attached.enter_context(addition.attached(model, _sample(training.data, crew)))
        loop = Loop(model, training.data, settings, seed, loss, training.additions, crew)
        course = Course(settings)
        checkpoint = _take_up(training, loop, course)
        while not course.is_over():
            epoch = len(course.history) + 1
            train_loss = loop.run_epoch(epoch, progress)
            validation_loss = mean_loss(model, training.validation, loss, settings.batch_size, crew)
            measured = {name: value for one in training.additions for name, value in one.measured().items()}
            course.add(Epoch(epoch, train_loss, validation_loss, loop.rate(), measured=measured), model)
            if checkpoint is not None and (checkpoint.due() or (course.is_over() and checkpoint.exists())):
                checkpoint.write(resume.snapshot(loop, course))
        rows = course.finish(model)
    model.to("cpu")
    return rows


def _take_up(training: Training, loop: Loop, course: Course) -> Checkpoint | None:
    """Go on where a killed training was; the checkpoint to write, for the first process."""
    if training.checkpoints is None:
        return None
    checkpoint = training.checkpoints.next(resume.fingerprint(loop, training.seed))
    found = checkpoint.read()
    if found is not None:
        resume.restore(loop, course, found)
        logger.info("training goes on after epoch %d of %d", len(course.history), training.settings.epochs)
    loop.check_agreement()
    return checkpoint if loop.crew.rank == 0 else None


def chosen_device(settings: TrainSettings, additions: Sequence[Addition]) -> str:
    """`cpu` or `cuda`; `auto` is the GPU where there is one for every process and nothing in the training objects.

    Raises:
        ConfigError: GPUs are asked for, but there are not as many.
    """
    if settings.device == "cpu":
        return "cpu"
    import torch

    count, found = settings.processes, torch.cuda.device_count() if torch.cuda.is_available() else 0
    if settings.device == "auto":
        objected = any(addition.objects_to(count, "cuda") for addition in additions)
        return "cuda" if found >= count and not objected else "cpu"
    if found < count:
        msg = f"train.device: found cuda, but PyTorch finds {found} GPUs here; expected one for each process ({count})"
        raise ConfigError(msg, remedy="write train.device: auto or cpu, or install a PyTorch and a driver for the GPU")
    return "cuda"


def _check_processes(data: Split, settings: TrainSettings, additions: Sequence[Addition]) -> None:
    """See that so many processes can share the work on this device.

    Raises:
        ConfigError: they cannot.
    """
    count = settings.processes
    for addition in additions:
        why = addition.objects_to(count, settings.device)
        if why is not None:
            where = f"in {count} processes on device {settings.device}"
            msg = f"train: {type(addition).__name__} cannot run {where}: {why}"
            raise ConfigError(msg, remedy="set train.processes: 1 and train.device: cpu")
    smallest = min(data.length, settings.batch_size)
    if count > 1 and smallest < 2 * count:
        what = "train.batch_size" if settings.batch_size <= data.length else "the number of training samples"
        msg = f"train.processes: found {count}, but {what} is {smallest}; expected two samples of a batch per process"
        raise ConfigError(
            msg, remedy=f"set train.processes to at most {max(1, smallest // 2)}, or raise train.batch_size"
        )


class Course:
    """How a training went: its history, and the best epoch so far."""

    def __init__(self, settings: TrainSettings) -> None:
        self._settings = settings
        self.history: list[Epoch] = []
        self.best: tuple[float, int] | None = None
        """(validation loss, epoch)"""
        self.best_state: dict[str, torch.Tensor] = {}
        """Of the model after the best epoch; empty where it is not kept."""

    def add(self, epoch: Epoch, model: torch.nn.Module) -> None:
        """Note an epoch, after which `model` is as it is."""
        self.history.append(epoch)
        if self.best is None or epoch.validation_loss < self.best[0]:
            self.best = (epoch.validation_loss, epoch.epoch)
            self.best_state = copy.deepcopy(model.state_dict()) if self._settings.keep_best else {}

    def take(self, rows: Sequence[Mapping[str, Any]], best: Sequence[Any], state: Mapping[str, torch.Tensor]) -> None:
        """Go on from what another process noted."""
        self.history = [Epoch(**row) for row in rows]
        self.best = (float(best[0]), int(best[1]))
        self.best_state = dict(state)

    def is_over(self) -> bool:
        """All epochs are done, or patience is at its end."""
        done, patience = len(self.history), self._settings.patience
        waited = 0 if self.best is None else done - self.best[1]
        return done >= self._settings.epochs or (patience > 0 and waited >= patience)

    def finish(self, model: torch.nn.Module) -> list[Epoch]:
        """Give `model` the weights that stay; the history, with their epoch marked."""
        kept = len(self.history)
        if self.best is not None and self._settings.keep_best:
            kept = self.best[1]
            model.load_state_dict(self.best_state)
        return [replace(row, kept=row.epoch == kept) for row in self.history]


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
    model: torch.nn.Module,
    split: tuple[Mapping[str, np.ndarray], np.ndarray],
    loss: Loss,
    batch_size: int,
    crew: Crew,
) -> float:
    """The mean loss over a split, in eval mode (the model is left in it).

    The processes take batches in turn, so that every batch gives what it would give in one process.
    """
    import torch

    inputs, targets = split
    model.eval()
    starts = range(0, len(targets), batch_size)
    sums, numbers = [0.0] * len(starts), [0.0] * len(starts)
    with torch.no_grad():
        for index in range(crew.rank, len(starts), crew.count):
            rows = slice(starts[index], starts[index] + batch_size)
            arrays = {name: array[rows] for name, array in inputs.items()}
            batch, labels = as_tensors(arrays, targets[rows], crew.device)
            numbers[index] = counted(labels)
            sums[index] = float(loss(named_outputs(model(*batch)), labels)) * numbers[index]
    return sum(crew.total(sums)) / max(sum(crew.total(numbers)), 1.0)


def _check_trainable(model: torch.nn.Module) -> None:
    import torch

    if isinstance(model, torch.fx.GraphModule):
        msg = "training: a torch.export program cannot be trained"
        raise ConfigError(msg, remedy="give the model as model.factory, or leave out train:")


def _sample(data: Split, crew: Crew) -> tuple[torch.Tensor, ...]:
    """Inputs of the first training samples: two, as batch normalisation has no variance over one."""
    return as_tensors(*data.stack(np.arange(min(2, data.length))), crew.device)[0]
