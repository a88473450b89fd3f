"""The project file: model, data, metric, training and the targets to build for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from edgebuild.config.data_source import DataSource
from edgebuild.config.device import Device
from edgebuild.config.fields import ExistingFile, FunctionName, Name, Table
from edgebuild.config.target import Target
from edgebuild.config.wording import BadValueError

_WEIGHTS = (".pt", ".pth", ".safetensors")


class ModelSource(Table):
    """Where the trained model comes from: exactly one of `factory` and `program`."""

    factory: FunctionName | None = Field(default=None, description="`module:function` that returns the torch.nn.Module")
    program: ExistingFile | None = Field(
        default=None, description="a program saved by torch.export (.pt2), weights included"
    )
    kwargs: dict[str, Any] = Field(default_factory=dict, description="arguments of `factory`")
    weights: ExistingFile | None = Field(
        default=None,
        description="state dict for the factory's model (.pt, .pth or .safetensors); not needed with `train:`",
    )
    inputs: tuple[Name, ...] = Field(default=(), description="names of the inputs, in the order of forward's arguments")
    outputs: tuple[Name, ...] = Field(default=(), description="names of the outputs, in the order of forward's results")

    @field_validator("weights")
    @classmethod
    def _is_a_state_dict(cls, value: str | None) -> str | None:
        if value is not None and not value.endswith(_WEIGHTS):
            msg = f"{value} is not a file of weights; expected {', '.join(_WEIGHTS)}"
            raise BadValueError(msg)
        return value

    @field_validator("program")
    @classmethod
    def _is_a_program(cls, value: str | None) -> str | None:
        if value is not None and not value.endswith(".pt2"):
            msg = f"{value} is not a program of torch.export; expected .pt2"
            raise BadValueError(msg)
        return value

    @field_validator("inputs", "outputs")
    @classmethod
    def _are_distinct(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        twice = [name for name in value if value.count(name) > 1]
        if twice:
            msg = f"{twice[0]!r} is named twice"
            raise BadValueError(msg)
        return value

    @model_validator(mode="after")
    def _one_source(self) -> ModelSource:
        if self.factory is not None and self.program is not None:
            msg = "a model comes from factory or program; found both"
            raise BadValueError(msg, key="program")
        if self.factory is None and self.program is None:
            msg = "expected factory (module:function) or program (a .pt2 file)"
            raise BadValueError(msg)
        for key in ("weights", "kwargs"):
            if self.program is not None and key in self.model_fields_set:
                msg = "belongs to `factory`; a program has its weights and arguments inside"
                raise BadValueError(msg, key=key)
        return self


_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
_METRIC = re.compile(rf"[A-Za-z]\w*|{_FUNCTION.pattern}")

LOSSES = ("auto", "cross_entropy", "tokens", "bce", "mse", "mae", "huber")
"""The losses of the built-in loop."""


class Metric(Table):
    """How good a model is: a metric of torchmetrics, or a function of the user."""

    short_form: ClassVar[str] = "the name of a metric or "

    name: str = Field(description="`accuracy`, `f1`, … as torchmetrics calls it, or `module:function`")
    kwargs: dict[str, Any] = Field(default_factory=dict, description="arguments of the metric")
    higher_is_better: bool | None = Field(default=None, description="default: as the metric itself says")
    unit: Literal["%", "1"] | None = Field(
        default=None,
        description="`%`: a share of one, shown in percent; default: as the metric itself says",
    )

    @field_validator("name")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        if _METRIC.fullmatch(value) is None:
            msg = "expected a metric of torchmetrics, like 'accuracy', or 'module:function'"
            raise BadValueError(msg, tell_found=True)
        return value


class Train(Table):
    """How the baseline is trained where there are no weights: by the built-in loop, or by `function`."""

    epochs: int = Field(default=10, ge=1, description="passes over the training split")
    batch_size: int = Field(default=64, ge=1, description="samples per step")
    optimizer: Literal["sgd", "adam", "adamw"] = Field(default="adam", description="how gradients become steps")
    learning_rate: float = Field(default=0.001, gt=0, description="the highest, reached after the warm-up")
    weight_decay: float = Field(default=0.0, ge=0, description="of the optimizer")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="of sgd")
    schedule: Literal["constant", "cosine", "step"] = Field(
        default="cosine",
        description="cosine: down to 0 at the end; step: a tenth after half and again after three quarters",
    )
    warmup_epochs: float = Field(default=0.0, ge=0, description="over which the learning rate rises from 0")
    clip_norm: float = Field(default=0.0, ge=0, description="largest norm of all gradients together; 0 does not clip")
    loss: str = Field(
        default="auto",
        description=f"{', '.join(LOSSES)}, or `module:function`; auto decides by the kind of the targets",
    )
    label_smoothing: float = Field(default=0.0, ge=0, lt=1, description="of the cross entropy")
    keep_best: bool = Field(
        default=True, description="end with the weights of the epoch with the lowest validation loss"
    )
    patience: int = Field(
        default=0, ge=0, description="stop after so many epochs without a lower validation loss; 0: train to the end"
    )
    processes: int = Field(
        default=1, ge=1, le=64, description="that train together, each on its share of every batch and with `threads`"
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="where the built-in loop computes; auto: on a GPU where PyTorch finds one"
    )
    precision: Literal["fp32", "bf16"] = Field(
        default="fp32",
        description="of convolutions and matrix products in training; bf16 is faster where the processor has it",
    )
    channels_last: bool = Field(
        default=False, description="images have channels last in memory while training, which is faster for most CNNs"
    )
    function: FunctionName | None = Field(
        default=None, description="`module:function` that trains in place of the built-in loop"
    )
    kwargs: dict[str, Any] = Field(default_factory=dict, description="arguments of `function`")

    @field_validator("loss")
    @classmethod
    def _is_a_loss(cls, value: str) -> str:
        if value not in LOSSES and _FUNCTION.fullmatch(value) is None:
            msg = f"expected one of {', '.join(LOSSES)}, or 'module:function'"
            raise BadValueError(msg, tell_found=True)
        return value

    @model_validator(mode="after")
    def _loop_or_function(self) -> Train:
        if self.function is None and "kwargs" in self.model_fields_set:
            msg = "belongs to `function`, which is not given"
            raise BadValueError(msg, key="kwargs")
        own = [key for key in self.model_fields_set if key not in ("function", "kwargs")]
        if self.function is not None and own:
            msg = f"belongs to the built-in loop, but `function` trains; pass it in kwargs: {{{min(own)}: …}}"
            raise BadValueError(msg, key=min(own))
        return self


class ProjectFile(Table):
    """What edgebuild.yaml holds; targets are resolved elsewhere, as each may be a name, a path or a mapping."""

    name: Name = Field(description="name of the project, part of the names of its artifacts")
    seed: int = Field(default=0, ge=0, lt=2**32, description="of everything random")
    threads: int = Field(default=1, ge=1, description="threads of every training, calibration and evaluation")
    model: ModelSource = Field(description="where the trained model comes from")
    data: DataSource = Field(description="where samples come from")
    metric: Metric = Field(description="how good a model is; `accuracy` is short for `{name: accuracy}`")
    train: Train | None = Field(default=None, description="how the baseline is trained where there are no weights")
    targets: tuple[Any, ...] = Field(
        min_length=1, description="names of shipped profiles, paths of own ones, or mappings with `extends:`"
    )

    @model_validator(mode="after")
    def _weights_or_train(self) -> ProjectFile:
        if self.model.factory is not None and self.model.weights is None and self.train is None:
            msg = "a factory's model needs `weights:`, or a `train:` section that makes them"
            raise BadValueError(msg, key="model")
        return self


@dataclass(frozen=True)
class Project:
    """A project that was read and checked.

    Attributes:
        root: folder of the project file; every path in the sections is relative to it.
        file: the project file.
        targets: resolved profiles, in the order of the file; their names differ.
        devices: device name -> device, for every device that a target names.
    """

    root: Path
    file: Path
    name: str
    seed: int
    threads: int
    model: ModelSource
    data: DataSource
    metric: Metric
    train: Train | None
    targets: tuple[Target, ...]
    devices: dict[str, Device]

    def target(self, name: str) -> Target | None:
        """The target called `name`; None where the project has none of that name."""
        return next((target for target in self.targets if target.name == name), None)

    def target_names(self) -> list[str]:
        """Names of the targets, in the order of the file."""
        return [target.name for target in self.targets]

    def sections(self) -> dict[str, Any]:
        """`model`, `data`, `metric` and `train` as plain JSON values, as `StepContext.project` wants them."""
        return {
            "model": self.model.model_dump(mode="json"),
            "data": self.data.source(),
            "metric": self.metric.model_dump(mode="json"),
            "train": None if self.train is None else self.train.model_dump(mode="json"),
        }
