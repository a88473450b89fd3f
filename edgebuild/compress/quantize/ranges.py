"""Ranges of activations that a step decides itself, for every format alike, and the claim that they arrived."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field, field_validator, model_validator

from edgebuild.compress.quantize.calibration import Calibration
from edgebuild.compress.quantize.methods import METHODS, CalibrationMethod
from edgebuild.compress.step import StepContext
from edgebuild.config.wording import BadValueError, unknown_name
from edgebuild.model.fakequant.ranges import write_steps
from edgebuild.model.fakequant.steps import Steps, steps_of

if TYPE_CHECKING:
    import torch

    from edgebuild.model.fakequant.scheme import Scheme

_PERCENTILE = 99.99


class StaticCalibration(Calibration):
    """Which samples show the range of every activation, and how it comes from them."""

    method: str | None = Field(
        default=None,
        description=f"{'; '.join(f'{name}: {method.title}' for name, method in METHODS.items())}. The same ranges for "
        "every format; default: the method of the target runtime's own quantizer",
    )
    percentile: float | None = Field(
        default=None, gt=50, lt=100, description=f"of method percentile; default: {_PERCENTILE:g}"
    )

    @field_validator("method")
    @classmethod
    def _is_known(cls, value: str | None) -> str | None:
        if value is not None and value not in METHODS:
            raise BadValueError(unknown_name("calibration method", value, METHODS.names()))
        return value

    @model_validator(mode="after")
    def _percentile_belongs_to_its_method(self) -> StaticCalibration:
        if self.percentile is not None and self.method != "percentile":
            msg = f"belongs to method: percentile, found {self.method or 'none'}"
            raise BadValueError(msg, key="percentile")
        return self


def decide_ranges(
    context: StepContext,
    calibration: StaticCalibration,
    samples: Mapping[str, np.ndarray],
    skipped: Collection[str] = (),
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the method makes of `samples`: the part of `ModelRecord.quantization`, and the claim.

    The layers of `skipped` stay in floating point, and what they make where no integers are made of it.

    Raises:
        ConfigError: the model cannot be traced.
    """
    from edgebuild.model.exportable import check_exportable
    from edgebuild.model.fakequant.scheme import scheme_of
    from edgebuild.model.load import rebuild

    model = rebuild(context.model, context.project_root)
    graph = check_exportable(model, samples, context.project_root).module()
    scheme = scheme_of(graph.graph, skipped)
    method = METHODS.get(str(calibration.method))
    steps = steps_by_method(graph, scheme, samples, method, calibration.percentile or _PERCENTILE)
    return {"ranges": write_steps(steps)}, claim_of_ranges("quantize", scheme, steps)


def steps_by_method(
    graph: torch.fx.GraphModule,
    scheme: Scheme,
    samples: Mapping[str, np.ndarray],
    method: CalibrationMethod,
    percentile: float,
) -> dict[str, Steps]:
    """Label of a group of activations -> steps of the widest range that `method` finds for one of the group."""
    from edgebuild.model.fakequant.observe import observe

    ends: dict[int, list[tuple[float, float]]] = {}
    for name, found in observe(graph, samples, scheme.places()).items():
        ends.setdefault(scheme.group_of[name], []).append(method.range(found, percentile))
    steps = {}
    for number, group in enumerate(scheme.groups):
        widest = steps_of(min(low for low, _ in ends[number]), max(high for _, high in ends[number]))
        steps[group.label] = Steps(*group.fixed) if group.fixed else widest
    return steps


def claim_of_ranges(step: str, scheme: Scheme, steps: Mapping[str, Steps]) -> dict[str, Any]:
    """The claim `activation_ranges`: those of int8 layers must be in the file, whatever the format.

    They are those of their results, and of what they read in floating point.
    """
    labels = scheme.labels()
    rounded = {use.node: use for use in scheme.weights if not use.exact}
    made = [use.norm or use.node for use in rounded.values() if not use.split]
    taken = [source for source, readers in scheme.handed.items() if not rounded.keys().isdisjoint(readers)]
    stored = {labels[scheme.group_of[name]] for name in (*made, *taken)}
    return {
        "claim": "activation_ranges",
        "step": step,
        "ranges": [{"at": label, **steps[label].to_json()} for label in labels],
        "required": [label for label in labels if label in stored],
        "composite": list(scheme.composite),
    }
