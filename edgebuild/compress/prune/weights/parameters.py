"""The parameters of the kinds of pruning that set single weights to zero."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from edgebuild.compress.prune.retraining import FineTuneCuts
from edgebuild.compress.prune.schedules import SCHEDULES, fixed_schedules, shares_of, stepwise_words, titles
from edgebuild.compress.prune.weights.importance import WEIGHT_IMPORTANCES
from edgebuild.config.parameters import Parameters
from edgebuild.config.wording import BadValueError, unknown_name

_PATTERN = re.compile(r"([1-9]\d?):([1-9]\d?)")


class WeightPruning(Parameters):
    """What both kinds have."""

    importance: str = Field(
        default="magnitude", description=f"which weights stay: {', '.join(WEIGHT_IMPORTANCES.names())}"
    )
    skip: tuple[str, ...] = Field(
        default=(), description="layers that keep all weights, as patterns of names: `stem`, `body.*.conv1`"
    )
    samples: int = Field(default=512, ge=1, description="training samples for gradient and hessian, drawn by the seed")
    finetune: FineTuneCuts = Field(default=FineTuneCuts(), description="training after weights were set to zero")

    @field_validator("importance")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in WEIGHT_IMPORTANCES:
            raise BadValueError(unknown_name("importance", value, WEIGHT_IMPORTANCES.names()))
        return value

    def learns(self) -> bool:
        """Whether the masks are learned in training, and not cut."""
        return WEIGHT_IMPORTANCES.get(self.importance).learned is not None

    def cuts(self) -> list[float]:
        """How much of the whole is zero after each cut, rising to 1."""
        return [1.0]

    def due(self, done: float) -> float:
        """How much of the whole is zero after a share of the training in which masks are learned."""
        return done


class Unstructured(WeightPruning):
    """Parameters of unstructured pruning."""

    kind: Literal["unstructured"] = Field(description="unstructured: single weights are set to zero, anywhere")
    sparsity: float = Field(gt=0, lt=1, description="share of the weights of all layers not skipped that becomes zero")
    scope: Literal["global", "local"] = Field(
        default="global",
        description="global: the least important weights of the model; local: the same share of every layer",
    )
    max_ratio: float = Field(default=0.98, gt=0, lt=1, description="largest share of a layer's weights to set to zero")
    schedule: str = Field(default="one_shot", description=f"{titles(fixed_schedules())}; with training after every cut")
    steps: int | None = Field(
        default=None,
        ge=2,
        le=100,
        description="number of cuts of iterative and cubic; movement learns its masks in so many times "
        "finetune.between epochs instead; default: 4",
    )

    @field_validator("schedule")
    @classmethod
    def _is_a_schedule(cls, value: str) -> str:
        if value not in fixed_schedules():
            raise BadValueError(unknown_name("schedule", value, fixed_schedules()))
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Unstructured:
        once = SCHEDULES.get(self.schedule).cuts_once
        if once and self.steps is not None:
            msg = f"belongs to schedule: {stepwise_words(fixed_schedules())}, found {self.schedule}"
            raise BadValueError(msg, key="steps")
        if self.learns() and (once or not self.finetune.between):
            schedules = stepwise_words(fixed_schedules())
            msg = f"{self.importance} learns its masks in training; expected schedule: {schedules}, and "
            msg += "finetune.between of at least 1"
            raise BadValueError(msg, key="importance")
        if self.sparsity > self.max_ratio:
            msg = f"{self.sparsity:g} is more than max_ratio {self.max_ratio:g}, the most that a layer may lose"
            raise BadValueError(msg, key="sparsity")
        return self

    def cuts(self) -> list[float]:
        """How much of the whole is zero after each cut, rising to 1."""
        return shares_of(self.schedule, self.steps)

    def due(self, done: float) -> float:
        """How much of the whole is zero after a share of the training in which masks are learned."""
        return 1 - (1 - done) ** 3 if self.schedule == "cubic" else done


class Pattern(WeightPruning):
    """Parameters of N:M pruning."""

    kind: Literal["n_m"] = Field(description="n_m: of every M weights in a row along the input channels, N stay")
    pattern: str = Field(default="2:4", description="N:M, like '2:4'")

    @field_validator("pattern")
    @classmethod
    def _is_a_pattern(cls, value: str) -> str:
        found = _PATTERN.fullmatch(value)
        if found is None or int(found[1]) >= int(found[2]):
            msg = "expected N:M with N below M, like '2:4'"
            raise BadValueError(msg, tell_found=True)
        return value

    @model_validator(mode="after")
    def _cuts(self) -> Pattern:
        if self.learns():
            msg = f"{self.importance} learns masks with more and more zeros; it belongs to kind: unstructured"
            raise BadValueError(msg, key="importance")
        return self

    def stay_of(self) -> tuple[int, int]:
        """(N, M): N of every M weights stay."""
        stay, _, of = self.pattern.partition(":")
        return int(stay), int(of)
