"""The plan step `distil`: a student is trained with a teacher, or the model itself is trained further with one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from edgebuild.compress.distil.parameters import Distil
from edgebuild.compress.finetune import Loop
from edgebuild.compress.needs import Needs
from edgebuild.compress.step import Phase, StepContext, StepMethod
from edgebuild.config.fields import FunctionName
from edgebuild.config.registries import STEPS
from edgebuild.config.wording import BadValueError
from edgebuild.model.data_folder import read_inputs, read_targets
from edgebuild.model.metric import resolve_metric
from edgebuild.model.model_folder import ModelRecord, read_record

if TYPE_CHECKING:
    from edgebuild.compress.distil.student import Trained

STEP = "distil"


class DistilStep(Distil, Loop):
    """Parameters of the step; what is not given of the training is as in the project's `train:`."""

    student: FunctionName | None = Field(
        default=None,
        description="`module:function` of a model that takes the place of the one so far, with fresh weights; without "
        "it the model itself is trained further",
    )
    kwargs: dict[str, Any] = Field(default_factory=dict, description="arguments of `student`")
    peers: int = Field(
        default=0, ge=0, le=4, description="students of the same kind trained beside it, all learning from each other"
    )
    epochs: int = Field(default=10, ge=1, description="passes over the training split")

    def needs(self) -> Needs:
        """The student's code, besides what its teachers need."""
        return Needs(models=super().needs().models, code=() if self.student is None else (self.student,))

    def alone(self) -> bool:
        """Nobody to learn from."""
        return super().alone() and not self.peers

    @model_validator(mode="after")
    def _needs_a_student(self) -> DistilStep:
        for key in ("kwargs", "peers"):
            if self.student is None and getattr(self, key):
                msg = "belongs to `student`, which is not given"
                raise BadValueError(msg, key=key)
        taught = [key for key in ("kind", "weight", "temperature", "layers", "also") if key in self.model_fields_set]
        if self.silent() and taught:
            msg = "there is no teacher to learn it from; peers learn each other's outputs"
            raise BadValueError(msg, key=taught[0])
        return self


def phase_of(parameters: DistilStep) -> Phase:
    """A student changes the structure; without one only the weights change."""
    return Phase.TRAIN if parameters.student is None else Phase.STRUCTURE


def run(context: StepContext, parameters: DistilStep) -> None:
    """Write the model folder of the student, or of the model trained further, and history.json with every epoch.

    Raises:
        ConfigError: the student cannot take the data or be exported, or it does not fit its teachers.
    """
    from edgebuild.compress.distil.student import train_student
    from edgebuild.compress.scale import Scale
    from edgebuild.model.load import derive_model_folder, write_model_folder
    from edgebuild.model.seeding import deterministic

    record = read_record(context.model)
    metric = resolve_metric(context.project["metric"], context.project_root)
    inputs, targets = read_inputs(context.data, "validation"), read_targets(context.data)
    with deterministic(context.seed, context.threads):
        trained = train_student(context, parameters, Scale(metric, inputs, targets, record.output_names))
    unit = "points" if metric.unit == "%" else metric.unit
    extra = {**record.extra, STEP: _account(parameters, trained, unit)}
    if trained.source is None:
        derive_model_folder(context.model, context.output, trained.model, extra=extra)
    else:
        # A new model: what earlier steps did to the old one is not in it, and is not claimed of it.
        student = ModelRecord(
            source=trained.source,
            input_names=record.input_names,
            output_names=record.output_names,
            claims=tuple(
                {"claim": "channels", "step": STEP, "layer": layer, "kept": channels}
                for layer, channels in trained.channels.items()
            ),
            extra={STEP: extra[STEP]},
        )
        write_model_folder(context.output, student, trained.model)
    (context.output / "history.json").write_text(json.dumps(trained.history, indent=1) + "\n")


def _account(parameters: DistilStep, trained: Trained, unit: str) -> dict[str, Any]:
    """What model.json says of the step."""
    before, after = trained.before, trained.after
    whom: list[str] = [] if parameters.teacher == "none" else [parameters.teacher]
    whom += [teacher.factory for teacher in parameters.teachers]
    whom += [f"{parameters.peers} {'peer' if parameters.peers == 1 else 'peers'}"] if parameters.peers else []
    what = "outputs" if parameters.silent() else ", ".join(term.kind for term in parameters.terms())
    left, macs = after.parameters / before.parameters, after.macs / before.macs
    size = f"{left:.1%} of the parameters and {macs:.1%} of the MACs"
    who = "trained further" if parameters.student is None else f"{parameters.student} in its place, {size}"
    effect = (
        f"{who}; {what} of {' and '.join(whom)} learnt in {len(trained.history)} epochs; "
        f"{abs(trained.lost):.4g} {unit} {'lost' if trained.lost > 0 else 'gained'}"
    )
    return {"before": before.to_json(), "after": after.to_json(), "effect": effect}


STEPS.register(STEP)(
    StepMethod(
        title="Distillation: a smaller student, or the model itself, learns from a teacher besides the labels",
        parameters=DistilStep,
        phase=Phase.TRAIN,
        phase_of=phase_of,
        version=1,
        run=run,
        tools=("torch", "numpy", "safetensors", "torchmetrics"),
        sections=("data", "train", "metric"),
    )
)
