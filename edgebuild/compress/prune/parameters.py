"""The parameters of the plan step `prune`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from edgebuild.compress.finetune import FineTune
from edgebuild.compress.prune.importance import IMPORTANCES
from edgebuild.config.parameters import Parameters
from edgebuild.config.wording import BadValueError, unknown_name

_MANY_STEPS = 4


class Keep(Parameters):
    """How much of the model may remain: one of the two."""

    macs: float | None = Field(default=None, gt=0, lt=1, description="largest share of the MACs that remains")
    parameters: float | None = Field(
        default=None, gt=0, lt=1, description="largest share of the parameters that remains"
    )

    @model_validator(mode="after")
    def _one(self) -> Keep:
        if (self.macs is None) == (self.parameters is None):
            found = "neither" if self.macs is None else "both"
            msg = f"expected macs or parameters, found {found}"
            raise BadValueError(msg)
        return self


class FineTuneCuts(FineTune):
    """Training after a cut, with the built-in loop; what is not given is as in the project's `train:`."""

    epochs: int = Field(default=5, ge=0, description="passes over the training split after the last cut; 0: none")
    between: int = Field(default=1, ge=0, description="passes after each cut before the last one")


class Prune(Parameters):
    """Parameters of pruning."""

    kind: Literal["structured"] = Field(default="structured", description="structured: whole channels are cut out")
    importance: str = Field(default="taylor", description=f"which channels stay: {', '.join(IMPORTANCES.names())}")
    scope: Literal["global", "local"] = Field(
        default="global",
        description="global: the least important channels of the model; local: the same share of every layer",
    )
    ratio: float | None = Field(
        default=None, gt=0, lt=1, description="share of the channels to cut, as near as round_to allows; or keep"
    )
    keep: Keep | None = Field(default=None, description="how much may remain; or ratio")
    round_to: int = Field(
        default=8, ge=1, description="a layer that is cut keeps a multiple of so many channels, as kernels like it"
    )
    max_ratio: float = Field(default=0.9, gt=0, lt=1, description="largest share of a layer's channels to cut")
    skip: tuple[str, ...] = Field(
        default=(), description="layers that keep their output channels, as patterns of names: `stem`, `body.*.conv1`"
    )
    schedule: Literal["one_shot", "iterative", "cubic"] = Field(
        default="one_shot",
        description="iterative: equal cuts; cubic: large cuts first; each with training after it",
    )
    steps: int | None = Field(
        default=None, ge=2, le=100, description=f"number of cuts of iterative and cubic; default: {_MANY_STEPS}"
    )
    samples: int = Field(
        default=512, ge=1, description="training samples for taylor, hessian and activation, drawn by the seed"
    )
    max_accuracy_drop: float | None = Field(
        default=None,
        ge=0,
        description="points of the metric on the validation data that may be lost; cutting stops before it loses more",
    )
    finetune: FineTuneCuts = Field(default=FineTuneCuts(), description="training after a cut")

    @field_validator("importance")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in IMPORTANCES:
            raise BadValueError(unknown_name("importance", value, IMPORTANCES.names()))
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Prune:
        if self.ratio is None and self.keep is None:
            msg = "expected ratio, or keep with macs or parameters: how much is to be cut?"
            raise BadValueError(msg)
        if self.ratio is not None and self.keep is not None:
            msg = "belongs to a cut without `ratio`; found both"
            raise BadValueError(msg, key="keep")
        if self.schedule == "one_shot" and self.steps is not None:
            msg = "belongs to schedule: iterative or cubic, found one_shot"
            raise BadValueError(msg, key="steps")
        return self

    def cuts(self) -> list[float]:
        """How much of the whole cut is done after each step, rising to 1."""
        return shares_of(self.schedule, self.steps)


def shares_of(schedule: Literal["one_shot", "iterative", "cubic"], steps: int | None) -> list[float]:
    """How much of the whole is done after each of `steps` cuts, rising to 1.

    cubic: 1 - (1 - t)^3 (Zhu and Gupta, To prune, or not to prune, 2017, equation 1).
    """
    if schedule == "one_shot":
        return [1.0]
    count = steps or _MANY_STEPS
    done = [step / count for step in range(1, count + 1)]
    return [1 - (1 - share) ** 3 for share in done] if schedule == "cubic" else done
