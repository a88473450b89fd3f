"""The tables of distillation: `distil:` under `finetune:` of any step."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from edgebuild.compress.distil.kinds import DISTIL_KINDS
from edgebuild.compress.needs import Needs
from edgebuild.config.fields import ExistingFile, FunctionName
from edgebuild.config.parameters import Parameters
from edgebuild.config.wording import BadValueError, unknown_name

TEMPERATURE = 4.0


class TeacherModel(Parameters):
    """A teacher of the user's own; it takes the inputs of the student and gives the same outputs."""

    factory: FunctionName = Field(description="`module:function` that returns the torch.nn.Module")
    kwargs: dict[str, Any] = Field(default_factory=dict, description="arguments of `factory`")
    weights: ExistingFile = Field(description="its state dict (.pt, .pth or .safetensors)")

    def needs(self) -> Needs:
        """Its code and its weights."""
        return Needs(code=(self.factory,), files=(self.weights,))


class Term(Parameters):
    """One thing to learn from the teachers."""

    kind: str = Field(default="soft_targets", description=f"what is compared: {', '.join(DISTIL_KINDS.names())}")
    weight: float | None = Field(
        default=None,
        ge=0,
        description="of soft_targets the share of the loss, in [0, 1], of which the task's keeps the rest; of the "
        "others a factor of what is added. Default: "
        + ", ".join(f"{name} {kind.weight:g}" for name, kind in DISTIL_KINDS.items()),
    )
    temperature: float | None = Field(
        default=None, gt=0, description=f"of soft_targets: the higher, the softer; default: {TEMPERATURE:g}"
    )
    layers: dict[str, str] = Field(
        default_factory=dict,
        description="layers to compare, `student's: teacher's`, by dotted name; needed by features and attention",
    )

    @field_validator("kind")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in DISTIL_KINDS:
            raise BadValueError(unknown_name("kind of distillation", value, DISTIL_KINDS.names()))
        return value

    @model_validator(mode="after")
    def _fits_the_kind(self) -> Term:
        kind = DISTIL_KINDS.get(self.kind)
        if kind.shares and self.weight is not None and self.weight > 1:
            msg = f"of {self.kind} it is a share of the loss; {self.weight:g} is not in [0, 1]"
            raise BadValueError(msg, key="weight")
        if self.temperature is not None and self.kind != "soft_targets":
            msg = f"belongs to kind: soft_targets, found {self.kind}"
            raise BadValueError(msg, key="temperature")
        if self.layers and kind.layers == "none":
            msg = f"{self.kind} compares outputs; layers belong to the other kinds"
            raise BadValueError(msg, key="layers")
        if not self.layers and kind.layers == "required":
            msg = f"{self.kind} compares layers; expected layers: {{student's: teacher's}}"
            raise BadValueError(msg)
        return self

    def weighs(self) -> float:
        """The weight, given or not."""
        return DISTIL_KINDS.get(self.kind).weight if self.weight is None else self.weight


class Distil(Term):
    """Distillation as a part of training: the loss learns from a teacher besides the labels."""

    teacher: Literal["baseline", "before", "none"] = Field(
        default="baseline",
        description="baseline: the model that the plan began with; before: the model as this step found it "
        "(self-distillation); none: only `teachers`",
    )
    teachers: tuple[TeacherModel, ...] = Field(
        default=(), description="teachers of your own, besides `teacher`; what they say is averaged"
    )
    also: tuple[Term, ...] = Field(default=(), description="more to learn from the same teachers, added up")

    def terms(self) -> tuple[Term, ...]:
        """Everything that is learnt from the teachers."""
        return (self, *self.also)

    def needs(self) -> Needs:
        """The baseline, where it teaches; teachers of the user say themselves what they need."""
        return Needs(models=("baseline",) if self.teacher == "baseline" else ())

    def silent(self) -> bool:
        """No teacher of its own."""
        return self.teacher == "none" and not self.teachers

    def alone(self) -> bool:
        """Nobody to learn from."""
        return self.silent()

    @model_validator(mode="after")
    def _has_a_teacher(self) -> Distil:
        if self.alone():
            msg = "there are no other `teachers`; expected baseline or before"
            raise BadValueError(msg, key="teacher")
        return self

    @model_validator(mode="after")
    def _leaves_something(self) -> Distil:
        shares = sum(term.weighs() for term in self.terms() if DISTIL_KINDS.get(term.kind).shares)
        if shares > 1:
            msg = f"the shares of the loss together are {shares:g}, which is not in [0, 1]"
            raise BadValueError(msg, key="also")
        return self
