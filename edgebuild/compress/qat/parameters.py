"""The parameters of the plan step `qat`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from edgebuild.compress.finetune import FineTune
from edgebuild.compress.quantize.calibration import Calibration
from edgebuild.compress.quantize.skip import SKIP, SKIP_FIRST, SKIP_LAST
from edgebuild.config.parameters import Parameters
from edgebuild.config.wording import BadValueError
from edgebuild.model.precision import FULL, HALF

_MOMENTUM = 0.01


class Observer(Parameters):
    """How the range of an activation follows what passes through in training."""

    kind: Literal["moving_average", "min_max"] = Field(
        default="moving_average", description="min_max: the widest of all batches"
    )
    momentum: float | None = Field(
        default=None, gt=0, le=1, description=f"share of each new batch in moving_average; default: {_MOMENTUM:g}"
    )

    @model_validator(mode="after")
    def _only_an_average_has_momentum(self) -> Observer:
        if self.kind != "moving_average" and self.momentum is not None:
            msg = f"belongs to kind: moving_average, found {self.kind}"
            raise BadValueError(msg, key="momentum")
        return self

    def share(self) -> float | None:
        """Of each new batch; None where the widest range counts."""
        return None if self.kind == "min_max" else self.momentum or _MOMENTUM


class Qat(FineTune):
    """Parameters of quantization-aware training; what is not given of the training is as in the project's `train:`."""

    epochs: int = Field(default=3, ge=1, description="passes over the training split in rounded numbers")
    granularity: Literal["per_channel", "per_tensor"] = Field(
        default="per_channel", description="one scale per output channel of a weight, or one per tensor"
    )
    fully_connected: Literal["per_tensor", "per_channel"] = Field(
        default="per_tensor",
        description="weight scales of linear layers; per_channel is a little finer, but not every TFLite runtime and "
        "compiler takes it",
    )
    observer: Observer = Field(default=Observer(), description="ranges of activations")
    freeze_after: float = Field(
        default=0.75,
        gt=0,
        le=1,
        description="share of the training after which ranges and batch norm statistics stay as they are",
    )
    calibration: Calibration = Field(
        default=Calibration(), description="samples that the ranges start from, and by which exporters find tensors"
    )
    skip: tuple[str, ...] = SKIP
    skip_first: bool = SKIP_FIRST
    skip_last: bool = SKIP_LAST

    @model_validator(mode="after")
    def _per_tensor_is_everywhere(self) -> Qat:
        if self.granularity == "per_tensor" and self.fully_connected == "per_channel":
            msg = "per_channel belongs to granularity: per_channel, found per_tensor"
            raise BadValueError(msg, key="fully_connected")
        return self

    @model_validator(mode="after")
    def _rounds_to_integers_only(self) -> Qat:
        if self.precision == HALF:
            msg = "bf16 cannot hold the integers of int8 training on their steps; leave it out"
            raise BadValueError(msg, key="precision")
        return self

    def overrides(self) -> dict[str, Any]:
        """What it says of the project's `train:`; rounded numbers are computed with in float32, whatever that says."""
        return {**super().overrides(), "precision": FULL}

    def per_channel(self) -> dict[str, bool]:
        """Kind of operation -> one weight scale per output channel."""
        return {
            "convolution": self.granularity == "per_channel",
            "linear": self.fully_connected == "per_channel",
        }
