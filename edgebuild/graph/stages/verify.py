"""Stage kind `verify`: the exported file held against the profile, and run on the whole validation split."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.check.accelerators.accelerator import Accelerator, AcceleratorReport, JudgeRequest
from edgebuild.check.census.model import Census, CensusReader
from edgebuild.check.delegate_weights import weight_findings
from edgebuild.check.dense_twin import twin_findings
from edgebuild.check.finding import Finding, apply_allow
from edgebuild.check.graph_twin import graph_findings
from edgebuild.check.parity import AFTER_QAT, compare_outputs, parity_figures, reference_findings, runtime_findings
from edgebuild.check.promise import Promise
from edgebuild.check.rules import sparse_storage
from edgebuild.check.verify import VerifyResult, verify
from edgebuild.config.registries import ACCELERATORS, CENSUSES, RUNTIMES, STAGES
from edgebuild.errors import ToolError
from edgebuild.export.feed import from_raw, raw_outputs
from edgebuild.export.format import ExportRecord, read_export
from edgebuild.figure import Figure
from edgebuild.graph.stage import StageContext, StageKind
from edgebuild.model.data_folder import read_inputs, read_summary, read_targets
from edgebuild.model.metric import resolve_metric
from edgebuild.model.model_folder import ModelRecord, read_record
from edgebuild.model.score import agreement, drop, score
from edgebuild.runtime.session import NotRunHereError, Runtime

Outputs = dict[str, np.ndarray]

GRAPH_RUNTIME = "pytorch-graph"
NOT_RUN = "not-run-here"
"""Code of the finding where nothing on this host runs the file."""


def run(context: StageContext) -> None:
    """Write verify.json, census.json and validation.<output>.npy.

    Params are `{promise, allow, metric, runtime, threads}`, and `accelerator: {name, version, hardware}` for a target
    that has one: what it would make of the file goes into accelerator.json, its figures among the others. The input
    `score` holds the outputs of the baseline, from which accuracy drops; `reference` those of the model that was
    exported, which the file must compute.
    """
    params = context.stage.params
    model = read_record(context.inputs["model"])
    promise = _complete(Promise.from_json(params["promise"]), model, context.inputs["data"])
    record = read_export(context.inputs["export"])
    file = context.inputs["export"] / record.file
    context.progress.update(0.05, "reading the file")
    reader: CensusReader = CENSUSES.get(file.suffix.removeprefix("."))
    census = replace(reader.read(file), path=record.file)
    proof = verify(census, promise, model.claims, record.layers, params["allow"], context.inputs["model"])
    figures, findings = _sizes(census, record), [*proof.findings]
    try:
        ran_figures, ran_findings = _run_and_compare(promise, model, file, record, context)
        figures, findings = ran_figures + figures, findings + ran_findings
    except NotRunHereError as error:
        findings.append(Finding(NOT_RUN, f"{error.message}: neither its accuracy nor its outputs are checked"))
    if params.get("accelerator"):
        report = _judge(params["accelerator"], file, record, context)
        figures += report.figures
        findings = [*overrule(findings, report), *report.findings]
    _write(context.output, census, proof, apply_allow(findings, params["allow"]), figures)


def overrule(findings: Iterable[Finding], report: AcceleratorReport) -> list[Finding]:
    """What rules found, as notes where the accelerator's own compiler was asked the same."""
    return [replace(one, severity="note") if one.code in report.overruled else one for one in findings]


def _run_and_compare(
    promise: Promise, model: ModelRecord, file: Path, record: ExportRecord, context: StageContext
) -> tuple[list[Figure], list[Finding]]:
    """Run the file on the validation data, keep its outputs, and hold them against all that they must agree with.

    Raises:
        NotRunHereError: nothing on this host runs it.
    """
    params = context.stage.params
    context.progress.update(0.2, "running the file on the validation data")
    runtime: Runtime = RUNTIMES.get(params["runtime"])
    stored = _run(runtime, file, record, context)
    outputs = from_raw(record, stored)
    for name, array in outputs.items():
        np.save(context.output / f"validation.{name}.npy", array)
    baseline = _pytorch_outputs(context.inputs["score"], outputs)
    exported = _pytorch_outputs(context.inputs["reference"], outputs)
    ran_on = f"{params['runtime']} {runtime.version()} on this host"
    figures = _accuracy(context, outputs, baseline, ran_on)
    findings: list[Finding] = []
    for name, array in outputs.items():
        compared = compare_outputs(exported[name], array, names=("pytorch", ran_on), output=name)
        figures += [figure for figure in parity_figures(compared) if figure.name in ("sqnr", "max_abs_diff")]
        findings += reference_findings(compared, _kind_of_reference(model, promise))
    findings += _dense_twin(runtime, stored, file, record, context)
    compared_figures, told = _graph_twin(ran_on, stored, file, record, context)
    context.progress.update(0.7, "running the file on the oldest runtime")
    oldest = _oldest_runtime(promise, params["runtime"], stored, file, record, context)
    return figures + compared_figures, findings + told + oldest


def _judge(chosen: Mapping[str, Any], file: Path, record: ExportRecord, context: StageContext) -> AcceleratorReport:
    """What the target's accelerator would make of the file; nothing of it ran there."""
    accelerator: Accelerator = ACCELERATORS.get(chosen["name"])
    report = accelerator.judge(JudgeRequest(file, chosen["hardware"], context.output, record.layers))
    (context.output / "accelerator.json").write_text(json.dumps(report.to_json(), indent=1, sort_keys=True) + "\n")
    return report


def _kind_of_reference(model: ModelRecord, promise: Promise) -> str:
    """What the PyTorch outputs are: of the float model for the promised dtype, or rounded as the file's numbers."""
    return AFTER_QAT if (model.quantization or {}).get("kind") == "qat" else promise.dtype


def _complete(promise: Promise, model: ModelRecord, data: Path) -> Promise:
    """Add what only the model and the data tell: names and shapes of the inputs, outputs, layers of another type."""
    shapes = tuple((1, *spec.shape) for spec in read_summary(data).inputs)
    return replace(
        promise,
        input_names=model.input_names,
        output_names=model.output_names,
        input_shapes=shapes,
        layer_types=model.layer_types,
    )


def _run(runtime: Runtime, file: Path, record: ExportRecord, context: StageContext) -> Outputs:
    inputs = read_inputs(context.inputs["data"], "validation")
    session = runtime.open(file, context.stage.params["threads"])
    try:
        return raw_outputs(session, record, inputs)
    finally:
        session.close()


def _pytorch_outputs(folder: Path, outputs: Outputs) -> Outputs:
    return {name: np.load(folder / f"validation.{name}.npy") for name in outputs}


def _accuracy(context: StageContext, outputs: Outputs, baseline: Outputs, ran_on: str) -> list[Figure]:
    metric = resolve_metric(context.stage.params["metric"], context.project_root)
    targets = read_targets(context.inputs["data"])
    return [
        replace(score(metric, outputs, targets, ran_on), name="accuracy"),
        drop(metric, baseline, outputs, targets, ran_on),
        agreement(baseline, outputs, targets, f"PyTorch and {ran_on}"),
    ]


def _sizes(census: Census, record: ExportRecord) -> list[Figure]:
    weights = sum(tensor.bytes for tensor in census.tensors if tensor.role in ("weight", "bias"))
    arena = None if census.arena_bytes is None else float(census.arena_bytes)
    return [
        Figure("file_size", float(census.file_bytes), "B", "exact", provenance=record.file),
        Figure("weight_bytes", float(weights), "B", "exact", provenance=f"weights and biases stored in {record.file}"),
        Figure("arena", arena, "B", "exact", provenance=census.arena_source),
    ]


def _dense_twin(
    runtime: Runtime, stored: Outputs, file: Path, record: ExportRecord, context: StageContext
) -> list[Finding]:
    """Hold a file with sparse weights against its twin without: the same numbers in it, and the same outputs."""
    if "dense" not in record.extra:
        return []
    dense = file.with_name(record.extra["dense"])
    findings = twin_findings(file, dense)
    for name, array in _run(runtime, dense, record, context).items():
        different = int((array != stored[name]).sum())
        if different:
            message = f"{different} of {array.size} numbers of output {name} are not those of the dense twin"
            findings.append(Finding(sparse_storage.CODE, message))
    return findings


def _graph_twin(
    ran_on: str, stored: Outputs, file: Path, record: ExportRecord, context: StageContext
) -> tuple[list[Figure], list[Finding]]:
    """Hold a file whose delegates a reference model ran against the graph that they were lowered from."""
    if "graph" not in record.extra:
        return [], []
    if context.stage.params["runtime"] == GRAPH_RUNTIME:
        message = f"{record.extra['backend']} was not run here: PyTorch ran the graph that it was given"
        note = Finding("delegate-not-run", message, severity="note")
        return [], [note, *weight_findings(file, file.with_name(record.extra["graph"]))]
    runtime: Runtime = RUNTIMES.get(GRAPH_RUNTIME)
    session = runtime.open(file, context.stage.params["threads"])
    try:
        inputs = read_inputs(context.inputs["data"], "validation")
        count = len(next(iter(inputs.values())))
        rows = [session.run({name: array[i : i + 1] for name, array in inputs.items()}) for i in range(count)]
    finally:
        session.close()
    outputs = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    return graph_findings(record, stored, outputs, (f"PyTorch's quantized graph {runtime.version()}", ran_on))


def _oldest_runtime(
    promise: Promise, current: str, stored: Outputs, file: Path, record: ExportRecord, context: StageContext
) -> list[Finding]:
    """Run the file on the oldest runtime that the profile promises, where that is one this host can run."""
    oldest = promise.oldest
    if not RUNTIMES.get(current).times:  # it stands in for delegates that no runtime of this host has
        return []
    if oldest.name == current and oldest.version in (None, RUNTIMES.get(current).version()):
        return []
    if oldest.name == current or oldest.name not in RUNTIMES:
        message = f"{oldest} does not run on this host: what the file needs of it was checked, not run"
        return [Finding("oldest-runtime-not-run", message, severity="note")]
    runtime: Runtime = RUNTIMES.get(oldest.name)
    version = runtime.version()
    if version is None:
        message = f"{oldest} is promised but not installed here, nothing shows that it runs the file; {runtime.remedy}"
        return [Finding("oldest-runtime-missing", message)]
    context.progress.update(0.8, f"running the file on {oldest}")
    try:
        old = _run(runtime, file, record, context)
    except ToolError as error:
        return [Finding("oldest-runtime-fails", f"{oldest.name} {version} does not run the file: {error.message}")]
    other = from_raw(record, old)
    names = (f"{current} {RUNTIMES.get(current).version()}", f"{oldest.name} {version}")
    here = from_raw(record, stored)
    compared = [compare_outputs(here[name], other[name], names=names, output=name) for name in here]
    if runtime.same_kernels is not None:
        like = _run(RUNTIMES.get(runtime.same_kernels), file, record, context)
        names = (f"{runtime.same_kernels} {RUNTIMES.get(runtime.same_kernels).version()}", names[1])
        compared += [compare_outputs(like[name], old[name], names=names, output=name) for name in like]
    findings = [finding for result in compared for finding in runtime_findings(result)]
    if findings:
        return findings
    best = compared[-len(here) :]
    equal, elements = sum(result.equal for result in best), sum(result.elements for result in best)
    message = f"{best[0].right} runs the file right: {equal} of {elements} output numbers equal those of {best[0].left}"
    return [Finding("oldest-runtime-runs", message, severity="note")]


def _write(output: Path, census: Census, proof: VerifyResult, findings: list[Finding], figures: list[Figure]) -> None:
    facts: dict[str, Any] = {
        **proof.to_json(),
        "findings": [finding.to_json() for finding in findings],
        "figures": [figure.to_json() for figure in figures],
    }
    (output / "verify.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
    (output / "census.json").write_text(json.dumps(census.to_json(), sort_keys=True) + "\n")


def gate(artifact: Path) -> str | None:
    """The fatal findings, for everything downstream."""
    facts = json.loads((artifact / "verify.json").read_text())
    fatal = [finding for finding in facts["findings"] if finding["severity"] == "fatal"]
    if not fatal:
        return None
    more = f" (and {len(fatal) - 1} more)" if len(fatal) > 1 else ""
    return f"{fatal[0]['code']}: {fatal[0]['message']}{more}"


def tools(params: Mapping[str, Any]) -> tuple[str, ...]:
    """The runtime that runs the file, by the distribution it comes with."""
    runtime: Runtime = RUNTIMES.get(params["runtime"])
    return (runtime.distribution, "numpy") if runtime.distribution else ("numpy",)


STAGES.register("verify")(StageKind(version=9, run=run, tools=tools, gate=gate))
