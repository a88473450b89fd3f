"""Stage kind `bench`: what the exported file costs on this host; never presented as the device's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from edgebuild.bench.protocol import BenchSettings, measure
from edgebuild.config.registries import RUNTIMES, STAGES
from edgebuild.export.feed import to_raw
from edgebuild.export.format import read_export
from edgebuild.graph.stage import StageContext, StageKind
from edgebuild.model.data_folder import read_inputs


def run(context: StageContext) -> None:
    """Write bench.json; params are `{runtime, settings}`."""
    params = context.stage.params
    record = read_export(context.inputs["export"])
    arrays = read_inputs(context.inputs["data"], "validation")
    raw = to_raw(record, {name: np.asarray(array[:1]) for name, array in arrays.items()})
    files: dict[str, Path] = {}
    for name, array in raw.items():
        files[name] = context.output / f"input.{name}.npy"
        np.save(files[name], array)
    settings = BenchSettings(**{**params["settings"], "seed": context.stage.seed})
    result = measure(
        RUNTIMES.get(params["runtime"]), context.inputs["export"] / record.file, files, settings, context.progress
    )
    (context.output / "bench.json").write_text(json.dumps(result.to_json(), indent=1, sort_keys=True) + "\n")


STAGES.register("bench")(StageKind(version=1, run=run, platform=True, exclusive=True))
