"""Stage kind `data`: the splits that a build needs, as arrays."""

from __future__ import annotations

from edgebuild.config.registries import STAGES
from edgebuild.graph.stage import StageContext, StageKind
from edgebuild.model.data import make_data_folder


def run(context: StageContext) -> None:
    """Fill the data folder; params are `{source, inputs, calibration_samples}`."""
    params = context.stage.params
    make_data_folder(
        params["source"],
        context.project_root,
        context.output,
        context.stage.seed,
        context.progress,
        params["inputs"],
        params["calibration_samples"],
    )


STAGES.register("data")(StageKind(version=1, run=run, tools=lambda _params: ("numpy",)))
