"""Stage kind `bench`: what the exported file costs on this host; never presented as the device's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgebuild.bench.protocol import BenchResult, BenchSettings, choose_runs, measure
from edgebuild.check.finding import Finding
from edgebuild.config.registries import RUNTIMES, STAGES
from edgebuild.export.feed import outputs_digest, to_raw
from edgebuild.export.format import read_export
from edgebuild.graph.stage import StageContext, StageKind
from edgebuild.model.data_folder import read_inputs
from edgebuild.runtime.session import Runtime


def run(context: StageContext) -> None:
    """Write bench.json; params are `{runtime, threads}`."""
    params = context.stage.params
    record = read_export(context.inputs["export"])
    arrays = read_inputs(context.inputs["data"], "validation")
    raw = to_raw(record, {name: np.asarray(array[:1]) for name, array in arrays.items()})
    files: dict[str, Path] = {}
    for name, array in raw.items():
        files[name] = context.output / f"input.{name}.npy"
        np.save(files[name], array)
    runtime: Runtime = RUNTIMES.get(params["runtime"])
    file = context.inputs["export"] / record.file
    threads = params["threads"]
    runs = choose_runs(runtime, file, files, threads)
    settings = BenchSettings(threads=threads, runs=runs, seed=context.stage.seed)
    result = measure(runtime, file, files, settings, context.progress)
    findings = (*result.findings, *_same_outputs(runtime, file, raw, result))
    facts = replace(result, findings=findings).to_json()
    (context.output / "bench.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")


def _same_outputs(
    runtime: Runtime, file: Path, raw: Mapping[str, np.ndarray], result: BenchResult
) -> tuple[Finding, ...]:
    """A finding where what was timed did not compute what the check's session computes from the same input."""
    session = runtime.open(file, result.conditions["settings"]["threads"])
    try:
        checked = outputs_digest(session.run(raw))
    finally:
        session.close()
    if result.conditions["outputs_sha256"] == [checked]:
        return ()
    message = "the benchmark's process gave other outputs than the checked run of the same input; expected equal bytes"
    return (Finding("benchmark-outputs-differ", message),)


STAGES.register("bench")(StageKind(version=3, run=run, platform=True, exclusive=True))
