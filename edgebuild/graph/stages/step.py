"""Stage kind `step`: one step of a target's plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgebuild.compress.step import StepContext, StepMethod
from edgebuild.config.registries import STAGES, STEPS
from edgebuild.graph.stage import StageContext, StageKind
from edgebuild.model.checkpoint import Checkpoints
from edgebuild.model.processes.team import dismissed_at_the_end


def run(context: StageContext) -> None:
    """Run the step named in the params; params are `{method, method_version, parameters, project, threads}`."""
    params = context.stage.params
    method = _method(params)
    with dismissed_at_the_end():
        method.run(
            StepContext(
                model=context.inputs["model"],
                data=context.inputs["data"],
                output=context.output,
                project_root=context.project_root,
                project=params["project"],
                seed=context.stage.seed,
                progress=context.progress,
                threads=params["threads"],
                checkpoints=None if context.checkpoints is None else Checkpoints(context.checkpoints),
                models={role: folder for role, folder in context.inputs.items() if role not in ("model", "data")},
            ),
            method.parameters.model_validate(params["parameters"]),
        )


def tools(params: Mapping[str, Any]) -> tuple[str, ...]:
    """The distributions that the step's method names."""
    return _method(params).tools


def _method(params: Mapping[str, Any]) -> StepMethod:
    method: StepMethod = STEPS.get(params["method"])
    return method.chosen(params["parameters"])


STAGES.register("step")(StageKind(version=1, run=run, tools=tools))
