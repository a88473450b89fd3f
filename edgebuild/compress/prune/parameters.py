"""The parameters of the plan step `prune`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from edgebuild.compress.prune.importance import IMPORTANCES
from edgebuild.compress.prune.keep import Keep
from edgebuild.compress.prune.retraining import FineTuneCuts
from edgebuild.compress.prune.schedules import (
    DEFAULT_STEPS,
    SCHEDULES,
    fixed_schedules,
    shares_of,
    stepwise_words,
    titles,
)
from edgebuild.compress.prune.sensitivity.parameters import Sensitivity
from edgebuild.compress.prune.sparsify.parameters import Sparsify
from edgebuild.config.parameters import Parameters
from edgebuild.config.wording import BadValueError, unknown_name

FEEDBACK = "feedback"

Share = Annotated[float, Field(gt=0, lt=1)]


class Prune(Parameters):
    """Parameters of pruning."""

    kind: Literal["structured"] = Field(default="structured", description="structured: whole channels are cut out")
    importance: str = Field(default="taylor", description=f"which channels stay: {', '.join(IMPORTANCES.names())}")
    scope: Literal["global", "local", "sensitivity"] = Field(
        default="global",
        description="global: the least important channels of the model; local: the same share of every layer; "
        "sensitivity: of every layer what raises the loss by the same amount, by its curve",
    )
    ratio: float | None = Field(
        default=None, gt=0, lt=1, description="share of the channels to cut, as near as round_to allows; or keep"
    )
    keep: Keep | None = Field(default=None, description="how much may remain; or ratio")
    ratios: dict[str, Share] | None = Field(
        default=None,
        description="share of the channels to cut layer by layer, `pattern: share`; a layer's own name counts before "
        "patterns, a longer pattern before a shorter one; layers that are not named stay whole; or ratio",
    )
    round_to: int = Field(
        default=8, ge=1, description="a layer that is cut keeps a multiple of so many channels, as kernels like it"
    )
    max_ratio: float = Field(default=0.9, gt=0, lt=1, description="largest share of a layer's channels to cut")
    skip: tuple[str, ...] = Field(
        default=(), description="layers that keep their output channels, as patterns of names: `stem`, `body.*.conv1`"
    )
    schedule: str = Field(default="one_shot", description=f"{titles(SCHEDULES.names())}; with training after every cut")
    steps: int | None = Field(
        default=None,
        ge=2,
        le=100,
        description=f"number of cuts of iterative and cubic; of feedback, the first is one of so many; default: "
        f"{DEFAULT_STEPS}",
    )
    samples: int = Field(
        default=512, ge=1, description="training samples for taylor, hessian and activation, drawn by the seed"
    )
    max_accuracy_drop: float | None = Field(
        default=None,
        ge=0,
        description="points of the metric on the validation data that may be lost; cutting stops before it loses more",
    )
    recover: float | None = Field(
        default=None,
        ge=0,
        description="of feedback, which needs it: a cut after which more points are lost is taken back",
    )
    sparsify: Sparsify | None = Field(
        default=None, description="training with a penalty before the first cut, which makes channels small"
    )
    sensitivity: Sensitivity | None = Field(
        default=None, description="measure what every layer alone loses; scope: sensitivity does it in any case"
    )
    finetune: FineTuneCuts = Field(default=FineTuneCuts(), description="training after a cut")

    @field_validator("importance")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in IMPORTANCES:
            raise BadValueError(unknown_name("importance", value, IMPORTANCES.names()))
        return value

    @field_validator("schedule")
    @classmethod
    def _is_a_schedule(cls, value: str) -> str:
        if value not in SCHEDULES:
            raise BadValueError(unknown_name("schedule", value, SCHEDULES.names()))
        return value

    @model_validator(mode="after")
    def _has_one_goal(self) -> Prune:
        given = [key for key in ("ratio", "keep", "ratios") if getattr(self, key) is not None]
        if not given:
            msg = "expected ratio, ratios, or keep with macs, parameters, bytes or size: how much to cut?"
            raise BadValueError(msg)
        if len(given) > 1:
            msg = f"belongs to a cut without `{given[0]}`; found both"
            raise BadValueError(msg, key=given[1])
        if self.ratios is not None:
            self._check_ratios(self.ratios)
        return self

    def _check_ratios(self, ratios: dict[str, float]) -> None:
        if not ratios:
            msg = "is empty; expected layers with their share, like {stem: 0.2}"
            raise BadValueError(msg, key="ratios")
        if self.scope != "global":
            msg = "belongs to ratio or keep: with `ratios` every layer has a share of its own"
            raise BadValueError(msg, key="scope")
        pattern = max(ratios, key=lambda name: ratios[name])
        if ratios[pattern] > self.max_ratio:
            msg = f"{pattern}: {ratios[pattern]:g} is more than max_ratio {self.max_ratio:g}"
            raise BadValueError(msg, key="ratios")

    @model_validator(mode="after")
    def _fits_the_schedule(self) -> Prune:
        if self.steps is not None and SCHEDULES.get(self.schedule).cuts_once:
            msg = f"belongs to schedule: {stepwise_words(SCHEDULES.names())}, found {self.schedule}"
            raise BadValueError(msg, key="steps")
        if self.schedule == FEEDBACK and self.recover is None:
            msg = "feedback goes by what is lost after each cut; expected recover: the points that may be"
            raise BadValueError(msg, key="schedule")
        if self.schedule != FEEDBACK and self.recover is not None:
            msg = f"belongs to schedule: feedback, found {self.schedule}; its bound is max_accuracy_drop"
            raise BadValueError(msg, key="recover")
        if self.schedule == FEEDBACK and self.max_accuracy_drop is not None:
            msg = "belongs to other schedules; the bound of feedback is recover"
            raise BadValueError(msg, key="max_accuracy_drop")
        return self

    def cuts(self) -> list[float]:
        """How much of the whole cut is done after each step, rising to 1, where that is known beforehand."""
        return shares_of(self.schedule, self.steps)

    def bound(self) -> float | None:
        """Points of the metric that may be lost; None where any loss is taken."""
        return self.recover if self.schedule == FEEDBACK else self.max_accuracy_drop

    def expected_trainings(self) -> tuple[int, int]:
        """(trainings between cuts, trainings after the last one) as far as can be told beforehand."""
        if self.schedule in fixed_schedules():
            return len(self.cuts()) - 1, 1
        return 2 * (self.steps or DEFAULT_STEPS), 1

    def analysis(self) -> Sensitivity | None:
        """How the sensitivity of the layers is measured; None where it is not."""
        return self.sensitivity or (Sensitivity() if self.scope == "sensitivity" else None)
