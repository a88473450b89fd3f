"""The table `finetune:` of every plan step that trains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from edgebuild.compress.distil.parameters import Distil
from edgebuild.compress.grid.parameters import Grid
from edgebuild.config.parameters import Parameters


class Loop(Parameters):
    """The built-in loop; what is not given is as in the project's `train:`."""

    epochs: int = Field(default=5, ge=0, description="passes over the training split; 0: no training")
    batch_size: int | None = Field(default=None, ge=1, description="samples per step")
    optimizer: Literal["sgd", "adam", "adamw"] | None = Field(default=None, description="how gradients become steps")
    learning_rate: float | None = Field(
        default=None, gt=0, description="the highest; every training of the step starts there again"
    )
    weight_decay: float | None = Field(default=None, ge=0, description="of the optimizer")
    momentum: float | None = Field(default=None, ge=0, lt=1, description="of sgd")
    schedule: Literal["constant", "cosine", "step"] | None = Field(
        default=None, description="of the learning rate in one training"
    )
    warmup_epochs: float | None = Field(default=None, ge=0, description="over which the learning rate rises from 0")
    clip_norm: float | None = Field(default=None, ge=0, description="largest norm of all gradients together")
    patience: int | None = Field(
        default=None, ge=0, description="stop after so many epochs without a lower validation loss; 0: never"
    )
    label_smoothing: float | None = Field(default=None, ge=0, lt=1, description="of the cross entropy")
    precision: Literal["fp32", "bf16"] | None = Field(
        default=None, description="of convolutions and matrix products in training"
    )
    channels_last: bool | None = Field(default=None, description="images have channels last in memory while training")
    grid: Grid | None = Field(default=None, description="pull the weights towards the steps of their later integers")

    def overrides(self) -> dict[str, Any]:
        """What it says of the project's `train:`."""
        own = [key for key in Loop.model_fields if key != "grid"]
        return {key: getattr(self, key) for key in own if getattr(self, key) is not None}

    def past_epochs(self, train: Mapping[str, Any] | None, epochs: int) -> int:
        """Epochs of the learning rate's schedule that a training of `epochs` leaves out at the beginning.

        `train` is the project's section. Of most tables it is 0: every training starts at the peak.
        """
        return 0


class FineTune(Loop):
    """Training with the built-in loop; what is not given is as in the project's `train:`."""

    distil: Distil | None = Field(default=None, description="a teacher, from whom the training learns besides")
