"""The teachers of a step: models of the build, and those that the user brings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgebuild.compress.distil.parameters import Distil, TeacherModel
from edgebuild.compress.step import StepContext

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Teacher:
    """A model that is not trained any more, and what it is called in messages."""

    name: str
    model: torch.nn.Module


def load_teachers(context: StepContext, distil: Distil) -> list[Teacher]:
    """Every teacher in eval mode, its parameters frozen.

    Raises:
        ConfigError: a factory cannot be called, or weights do not fit.
    """
    from edgebuild.model.load import rebuild

    folders = {"baseline": context.models.get("baseline"), "before": context.model, "none": None}
    folder = folders[distil.teacher]
    assert folder is not None or distil.teacher == "none", "the graph gives a step what its parameters need"
    found = [] if folder is None else [Teacher(distil.teacher, rebuild(folder, context.project_root))]
    found += [Teacher(teacher.factory, _own(context, teacher)) for teacher in distil.teachers]
    for one in found:
        one.model.eval().requires_grad_(requires_grad=False)
    return found


def _own(context: StepContext, teacher: TeacherModel) -> torch.nn.Module:
    from edgebuild.model.load import load_source_model

    section = {"factory": teacher.factory, "kwargs": teacher.kwargs, "weights": teacher.weights}
    return load_source_model(section, context.project_root)[0]
