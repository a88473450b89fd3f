"""From a project to its build graph: which stages there are, what each reads, and what its result depends on.

    data -> baseline -> score ----------------------------------+
                 |                                              |
                 +-> TARGET/1-step -> TARGET/1-step/score -> …  |
                                   -> TARGET/export -> TARGET/verify -> TARGET/bench
                                                                     -> TARGET/board
                                                                     -> TARGET/package
                 +-> TARGET/float-export -> TARGET/float-bench     the baseline in the same format, to compare with

A target that is compiled has TARGET/tflite before its export: the file that it is compiled from, made once for all
targets that want the same.
A stage's parameters hold only what its result depends on, so that a change reruns what it must and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from edgebuild.compress.needs import NeededModel, needs_of
from edgebuild.compress.step import Phase, StepMethod
from edgebuild.config.project import Project
from edgebuild.config.registries import ACCELERATORS, FORMATS, PACKAGERS, RUNTIMES, STEPS
from edgebuild.config.target import PlannedStep, Target
from edgebuild.export.format import ExportFormat
from edgebuild.graph.board import add_board_stage
from edgebuild.graph.firmware import firmware_stage
from edgebuild.graph.graph import Graph
from edgebuild.graph.promise import promise_of
from edgebuild.graph.select import select_targets
from edgebuild.graph.stage import Stage
from edgebuild.model.processes.gpu import has_gpu

DATA = "data"
BASELINE = "baseline"
SCORE = "score"
FLOAT = "fp32"
HOST = "host"

_MODELS: dict[NeededModel, str] = {"baseline": BASELINE}
"""A model that a step may need -> the stage that makes it."""


@dataclass(frozen=True)
class TargetStages:
    """Ids of one target's stages.

    `steps` are in plan order, `scores` are of those steps that were scored; `float_export` and `float_bench` are None
    where the target's file is the uncompressed float model itself. `device` runs the file on the target's own device,
    and then there is no `bench` on the host; else `device` is None. Nor is there one where the host's time says
    nothing. `source` exports the file that the target's own is compiled from; None where it is not compiled.
    """

    steps: tuple[str, ...]
    scores: tuple[str, ...]
    export: str
    verify: str
    bench: str | None
    package: str
    float_export: str | None
    float_bench: str | None
    device: str | None
    source: str | None

    def all(self) -> tuple[str, ...]:
        """Every id, in order."""
        parts = (
            self.float_export,
            self.float_bench,
            self.source,
            self.export,
            self.verify,
            self.bench,
            self.device,
            self.package,
        )
        return (*self.steps, *self.scores, *(name for name in parts if name is not None))


def target_stages(target: Target) -> TargetStages:
    """The ids that `build_graph` gives the stages of a target."""
    steps = tuple(f"{target.name}/{number}-{step.method}" for number, step in enumerate(target.steps(), 1))
    scored = tuple(
        f"{name}/score" for name, step in zip(steps, target.steps(), strict=True) if _changes_the_model(step)
    )
    name = target.name
    compressed = bool(steps) or target.export.dtype != FLOAT
    kind, compiles = FORMATS.get(target.export.format).device_stage, FORMATS.get(target.export.format).compiles
    on_device = kind is not None and target.device not in (None, HOST)
    is_timed = not on_device and RUNTIMES.get(FORMATS.get(target.export.format).runtime).times
    return TargetStages(
        steps,
        scored,
        f"{name}/export",
        f"{name}/verify",
        f"{name}/bench" if is_timed else None,
        f"{name}/package",
        f"{name}/float-export" if compressed else None,
        f"{name}/float-bench" if compressed and is_timed else None,
        f"{name}/{kind}" if on_device else None,
        f"{name}/{compiles}" if compiles else None,
    )


def build_graph(project: Project, targets: Iterable[str] = ()) -> Graph:
    """The graph of the project for these targets (all where none is named).

    Raises:
        ConfigError: a name is none of the project's targets.
    """
    graph = Graph()
    _add_shared(graph, project)
    for target in select_targets(project, targets):
        _add_target(graph, project, target)
    return graph


def _add_shared(graph: Graph, project: Project) -> None:
    sections = project.sections()
    data = project.data
    source = {"source": sections["data"], "inputs": list(project.model.inputs)}
    data_code = (data.function,) if data.function else ()
    data_files = _data_files(project)
    graph.add(
        Stage(
            DATA,
            "data",
            params={**source, "calibration_samples": data.calibration.samples},
            code=data_code,
            files=data_files,
            seed=project.seed,
        )
    )
    training = project.train is not None and project.model.weights is None and project.model.program is None
    params: dict[str, Any] = {"model": sections["model"], "threads": project.threads}
    code = [project.model.factory] if project.model.factory else []
    files = {f"model.{key}": sections["model"][key] for key in ("weights", "program") if sections["model"].get(key)}
    if training:
        params |= {"train": sections["train"], **source, **_gpu(project)}
        code += [*data_code, *_train_code(project)]
        files |= data_files
    graph.add(
        Stage(BASELINE, "baseline", params, {"data": DATA}, tuple(code), files, seed=project.seed if training else 0)
    )
    graph.add(_score_stage(project, SCORE, BASELINE, None))


def _data_files(project: Project) -> dict[str, str]:
    """The files behind the data, by a role that is the same wherever an environment variable says they lie."""
    return {f"data.{number}.{path.name}": str(path) for number, path in enumerate(project.data.files())}


def _score_stage(project: Project, stage_id: str, model: str, target: str | None) -> Stage:
    metric = project.sections()["metric"]
    return Stage(
        stage_id,
        "score",
        params={"metric": metric, "threads": project.threads},
        inputs={"model": model, "data": DATA},
        code=_model_code(project) + _metric_code(project),
        target=target,
    )


def _model_code(project: Project) -> tuple[str, ...]:
    return (project.model.factory,) if project.model.factory else ()


def _train_code(project: Project) -> tuple[str, ...]:
    if project.train is None:
        return ()
    own = (project.train.function, project.train.loss if ":" in project.train.loss else None)
    return tuple(name for name in own if name is not None)


def _gpu(project: Project) -> dict[str, Any]:
    """What a training on the device `auto` depends on besides the project: whether there is a GPU."""
    asked = project.train is not None and project.train.function is None and project.train.device == "auto"
    return {"gpu": True} if asked and has_gpu() else {}


def _metric_code(project: Project) -> tuple[str, ...]:
    own = (project.metric.name, str(project.metric.kwargs.get("decode") or ""))
    return tuple(name for name in own if ":" in name)


def _changes_the_model(step: PlannedStep) -> bool:
    method = method_of(step)
    return method.phase_with(step.parameters) < Phase.QUANTIZE or "train" in method.sections


def method_of(step: PlannedStep) -> StepMethod:
    """The method that a step's parameters belong to."""
    method: StepMethod = STEPS.get(step.method)
    return method.chosen(step.to_json())


def _add_target(graph: Graph, project: Project, target: Target) -> None:
    ids = target_stages(target)
    model = BASELINE
    for stage_id, step in zip(ids.steps, target.steps(), strict=True):
        graph.add(_step_stage(project, target, stage_id, step, model))
        model = stage_id
        if f"{stage_id}/score" in ids.scores:
            graph.add(_score_stage(project, f"{stage_id}/score", stage_id, target.name))
    _add_exports(graph, project, target, model)
    promise = promise_of(target)
    graph.add(
        Stage(
            ids.verify,
            "verify",
            params={
                "promise": promise.to_json(),
                "allow": list(target.allow),
                "metric": project.sections()["metric"],
                "runtime": FORMATS.get(target.export.format).runtime,
                "threads": project.threads,
                **_accelerator_params(target),
            },
            inputs={
                "export": ids.export,
                "model": model,
                "score": SCORE,
                "reference": ids.scores[-1] if ids.scores else SCORE,
                "data": DATA,
            },
            code=_metric_code(project),
            target=target.name,
        )
    )
    bench_inputs = {"export": ids.export, "data": DATA, "verify": ids.verify}
    if ids.bench:
        graph.add(_bench_stage(project, target, ids.bench, bench_inputs, target.export.format))
    if ids.device:
        graph.add(firmware_stage(project, target, ids.device, bench_inputs))
    add_board_stage(graph, project, target, bench_inputs)
    graph.add(_package_stage(project, target, ids))


def _accelerator_params(target: Target) -> dict[str, Any]:
    """What the check needs to judge the file for the target's accelerator; nothing where it has none."""
    name = target.hardware.accelerator
    if name is None:
        return {}
    hardware = target.hardware.model_dump(mode="json", exclude_none=True)
    return {"accelerator": {"name": name, "version": ACCELERATORS.get(name).version(), "hardware": hardware}}


def _add_exports(graph: Graph, project: Project, target: Target, model: str) -> None:
    """The target's file, the one that it is compiled from, and the uncompressed one to compare with."""
    ids = target_stages(target)
    code = _model_code(project)
    inputs = {"model": model, "data": DATA}
    if ids.source:
        source = _source_params(project, target)
        graph.add(Stage(ids.source, "export", source, inputs, code, seed=project.seed, target=target.name))
        inputs = {**inputs, "source": ids.source}
    export = _export_params(project, target)
    graph.add(Stage(ids.export, "export", export, inputs, code, seed=project.seed, target=target.name))
    if ids.float_export:
        plain = _float_params(project, target)
        inputs = {"model": BASELINE, "data": DATA}
        graph.add(Stage(ids.float_export, "export", plain, inputs, code, seed=project.seed, target=target.name))
        if ids.float_bench:
            float_inputs = {"export": ids.float_export, "data": DATA}
            graph.add(_bench_stage(project, target, ids.float_bench, float_inputs, plain["format"]))


def _package_stage(project: Project, target: Target, ids: TargetStages) -> Stage:
    kind = target.package.kind
    inputs = {"export": ids.export, "verify": ids.verify, "data": DATA}
    return Stage(
        ids.package,
        "package",
        params={
            "kind": kind,
            "kind_version": PACKAGERS.get(kind).version,
            "options": dict(target.package.options),
            "project": project.name,
            "target": target.name,
        },
        inputs={**inputs, "device": ids.device} if ids.device else inputs,
        target=target.name,
    )


def _bench_stage(
    project: Project, target: Target, stage_id: str, inputs: dict[str, str], exported_format: str
) -> Stage:
    params = {"runtime": FORMATS.get(exported_format).runtime, "threads": project.threads}
    return Stage(stage_id, "bench", params, inputs, seed=project.seed, target=target.name)


def _step_stage(project: Project, target: Target, stage_id: str, step: PlannedStep, model: str) -> Stage:
    method, needs = method_of(step), needs_of(step.parameters)
    sections = {name: project.sections()[name] for name in method.sections}
    trains = "train" in method.sections or "data" in method.sections
    code = _model_code(project) + needs.code
    if trains:
        code += (project.data.function,) if project.data.function else ()
        code += _train_code(project)
    if "metric" in method.sections:
        code += _metric_code(project)
    return Stage(
        stage_id,
        "step",
        params={
            "method": step.method,
            "method_version": method.version,
            "parameters": step.to_json(),
            "project": sections,
            "threads": project.threads,
            **(_gpu(project) if "train" in method.sections else {}),
        },
        inputs={"model": model, "data": DATA, **{name: _MODELS[name] for name in needs.models}},
        code=code,
        files={**(_data_files(project) if trains else {}), **{f"step.{file}": file for file in needs.files}},
        seed=project.seed,
        target=target.name,
    )


def _export_params(project: Project, target: Target) -> dict[str, Any]:
    export = target.export
    chosen: ExportFormat = FORMATS.get(export.format)
    hardware = {key: value for key in chosen.hardware if (value := getattr(target.hardware, key)) is not None}
    return {
        "format": export.format,
        "format_version": chosen.version,
        "dtype": export.dtype,
        "io": export.io,
        "layout": export.layout,
        "options": dict(export.options),
        "threads": project.threads,
        **({"hardware": hardware} if hardware else {}),
    }


def _source_params(project: Project, target: Target) -> dict[str, Any]:
    """The export that the target's own is compiled from: the same numbers, with the format's usual options."""
    name = FORMATS.get(target.export.format).compiles
    export = target.export.model_copy(update={"format": name, "options": {}})
    return _export_params(project, target.model_copy(update={"export": export}))


def _float_params(project: Project, target: Target) -> dict[str, Any]:
    """The export of the uncompressed model that the target's file is compared with."""
    name = FORMATS.get(target.export.format).float_format or target.export.format
    export = target.export.model_copy(update={"format": name, "dtype": FLOAT, "io": "float32", "options": {}})
    # No accelerator ever takes it, so that targets with and without one share it.
    hardware = target.hardware.model_copy(update={"accelerator": None})
    return _export_params(project, target.model_copy(update={"export": export, "hardware": hardware}))


def layer_error_stage(project: Project, target: Target, samples: int) -> Stage:
    """The stage behind `edgebuild diff TARGET`."""
    ids = target_stages(target)
    model = ids.steps[-1] if ids.steps else BASELINE
    return Stage(
        f"{target.name}/layer-error",
        "layer_error",
        params={**_export_params(project, target), "samples": samples},
        inputs={"export": ids.export, "model": model, "data": DATA},
        code=_model_code(project),
        seed=project.seed,
        target=target.name,
    )
