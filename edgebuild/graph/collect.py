"""The facts of a run: what every stage left in its artifact, gathered for the report."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebuild import __version__
from edgebuild.bench.board.calibrated import correct_figures
from edgebuild.bench.estimated import device_estimates
from edgebuild.bench.host import host_facts
from edgebuild.bench.missing import missing_device_figures
from edgebuild.check.finding import Finding, apply_allow
from edgebuild.config.project import Project
from edgebuild.config.registries import FORMATS
from edgebuild.config.target import Target
from edgebuild.export.format import ExportRecord, read_export
from edgebuild.figure import Figure
from edgebuild.graph.assemble import BASELINE, DATA, SCORE, TargetStages, method_of, target_stages
from edgebuild.graph.board import board_stage_id
from edgebuild.graph.reference import reference_figures, reference_findings
from edgebuild.graph.result import BuildResult, StageResult
from edgebuild.package.contents import MANIFEST
from edgebuild.report.budgets import judge, unjudged_findings
from edgebuild.report.facts import (
    ArtifactFacts,
    BaselineFacts,
    BudgetResult,
    CensusFacts,
    ClaimFacts,
    DtypeCount,
    IoFacts,
    LedgerRow,
    OperationCount,
    PrecisionFacts,
    ProjectFacts,
    PromiseFacts,
    RunFacts,
    RunInfo,
    StageFacts,
    Status,
    TargetFacts,
)
from edgebuild.report.firmware_facts import ArenaBuffer, FirmwareFacts, FlashPart, LayerCount
from edgebuild.report.profile_facts import DeviceProfile, OpProfile
from edgebuild.report.sensitivity_facts import SensitivityCurve, SensitivityFacts, SensitivityPoint
from edgebuild.report.verdict import judge_status

FLASH_PARTS: Mapping[str, str] = {
    "code": "model_code",
    "weights and tables": "model_constants",
    "C library": "library",
    "harness": "harness",
}
"""Words of the report -> part of the firmware's flash; a product replaces the harness by its own start."""


SENSITIVITY = "sensitivity.json"
"""Beside the model of a step that measured what each layer alone loses."""


@dataclass(frozen=True)
class Invocation:
    """How the build was asked for: command line, start (ISO 8601, UTC), wall seconds, folder of delivered artifacts."""

    command: str
    started: str
    seconds: float
    delivered: Mapping[str, Path]


def collect(project: Project, targets: tuple[Target, ...], result: BuildResult, call: Invocation) -> RunFacts:
    """Gather the facts of one build; parts that were never reached are empty or None."""
    baseline, scored = _figures(result, SCORE, "score.json"), _read(result, SCORE, "score.json")
    rows = (
        _row(result, DATA, "read the data", ()),
        _row(result, BASELINE, _baseline_title(project), tuple(baseline)),
    )
    tools: dict[str, str] = {}
    collected = []
    for target in targets:
        record = _record(result, target)
        tools |= record.tools if record else {}
        collected.append(_target(project, target, record, result, call))
    return RunFacts(
        ProjectFacts(project.name, project.file.name, project.metric.name),
        RunInfo("", call.started, call.seconds, __version__, host_facts(), call.command),
        BaselineFacts(
            tuple(baseline),
            tuple(row for row in rows if row is not None),
            higher_is_better=bool(scored["higher_is_better"]) if scored else True,
        ),
        tuple(collected),
        dict(sorted({**tools, "edgebuild": __version__}.items())),
    )


def _baseline_title(project: Project) -> str:
    given = project.model.weights or project.model.program
    return f"load {given}" if given else "train the baseline"


def _read(result: BuildResult, stage_id: str | None, name: str) -> dict[str, Any] | None:
    artifact = result.artifact(stage_id) if stage_id is not None else None
    if artifact is None or not (artifact / name).is_file():
        return None
    found: dict[str, Any] = json.loads((artifact / name).read_text())
    return found


def _figures(result: BuildResult, stage_id: str | None, name: str) -> list[Figure]:
    facts = _read(result, stage_id, name)
    return [Figure.from_json(raw) for raw in facts["figures"]] if facts else []


def _record(result: BuildResult, target: Target) -> ExportRecord | None:
    artifact = result.artifact(target_stages(target).export)
    return read_export(artifact) if artifact else None


def _row(
    result: BuildResult, stage_id: str, title: str, figures: tuple[Figure, ...], effect: str = ""
) -> LedgerRow | None:
    stage = result.stages.get(stage_id)
    if stage is None or stage.artifact is None:
        return None
    return LedgerRow(stage_id, title, figures, effect, stage.seconds or 0.0)


def _target(
    project: Project, target: Target, record: ExportRecord | None, result: BuildResult, call: Invocation
) -> TargetFacts:
    ids = target_stages(target)
    verified = _read(result, ids.verify, "verify.json")
    bench = _read(result, ids.bench, "bench.json")
    firmware = _read(result, ids.device, "firmware.json")
    board_id = board_stage_id(project, target)
    board = _read(result, board_id, "board.json")
    parts = [part for part in (verified, bench, firmware, board) if part]
    figures = [Figure.from_json(raw) for part in parts if part is not board for raw in part["figures"]]
    figures += _board_figures(project, target, board)
    compared = reference_figures(figures, *_reference(result, ids))
    figures += compared
    figures += _package_figures(result, ids.package, {figure.name for figure in figures})
    figures += _estimates(project, target, record, result.artifact(ids.export), figures)
    known = {figure.name for figure in figures}
    figures += [
        one
        for one in missing_device_figures(target.name, target.device, emulated=_emulated(board))
        if one.name not in known
    ]
    raw_findings = [raw for part in parts for raw in part["findings"]]
    findings = tuple(Finding(**{**raw, "layers": tuple(raw["layers"])}) for raw in raw_findings)
    findings += tuple(reference_findings(compared))
    claims = tuple(_claim(raw) for raw in verified["claims"]) if verified else ()
    scored = _read(result, SCORE, "score.json")
    budgets = tuple(judge_budgets(target, figures, scored["higher_is_better"])) if verified and scored else ()
    stage_ids = (DATA, BASELINE, SCORE, *ids.all(), *((board_id,) if board_id else ()))
    stages = [result.stages[stage_id] for stage_id in stage_ids if stage_id in result.stages]
    error = next((str(stage.error) for stage in stages if stage.error is not None), None)
    if all(stage.artifact is not None for stage in stages):  # else figures are missing because nothing was run
        findings += tuple(apply_allow(unjudged_findings(budgets), target.allow))
    status: Status = "error" if error else judge_status(budgets, findings, claims) if verified else "skipped"
    return TargetFacts(
        name=target.name,
        description=target.description,
        status=status,
        error=error,
        artifact=_artifact(target, record, verified, call) if record and verified else None,
        promise=PromiseFacts(
            target.export.dtype,
            f"{target.runtime.name} {target.runtime.version or ''}".strip(),
            target.runtime.oldest or f"{target.runtime.name} {target.runtime.version or ''}".strip(),
        ),
        figures=tuple(figures),
        budgets=budgets,
        findings=findings,
        claims=claims,
        ledger=_ledger(target, result, figures, claims),
        census=_census(verified["summary"]) if verified else None,
        firmware=_firmware(firmware) if firmware else None,
        sensitivity=_sensitivity(result, ids),
        profile=_operations(bench["profile"]) if bench else (),
        device_profile=_device_profile(board) if board else None,
        precision=_precision(target, result),
        stages=tuple(_stage_facts(stage) for stage in stages),
        packages=_package_files(result, ids.package),
    )


def _operations(raw: Iterable[Mapping[str, Any]]) -> tuple[OpProfile, ...]:
    return tuple(OpProfile(row["name"], row["layer"], row["median_ms"]) for row in raw)


def _device_profile(board: Mapping[str, Any]) -> DeviceProfile | None:
    """The operations that a real device was timed for; an emulated one has a profile of instructions."""
    raw = board.get("profile", {})
    if "operations" not in raw:
        return None
    operations = _operations(raw["operations"])
    return DeviceProfile(board["device"], operations, raw["whole_ms"], raw["ratio"], raw["provenance"])


def _estimates(
    project: Project, target: Target, record: ExportRecord | None, artifact: Path | None, known: list[Figure]
) -> list[Figure]:
    """What the calibration and the board power of the target's device say, where nothing was measured."""
    device = project.devices.get(target.device) if target.device is not None else None
    if device is None or record is None or artifact is None:
        return []
    return device_estimates(device, artifact / record.file, record.dtype, known)


def _board_figures(project: Project, target: Target, board: Mapping[str, Any] | None) -> list[Figure]:
    """What the board gave, its estimates as the calibration of its device corrects them."""
    if board is None:
        return []
    figures = [Figure.from_json(raw) for raw in board["figures"]]
    device = project.devices.get(target.device) if target.device is not None else None
    return figures if device is None else correct_figures(device, figures, board.get("profile", {}))


def _emulated(board: Mapping[str, Any] | None) -> bool:
    """Whether a board ran the file that is emulated, and has no time."""
    return bool(board and board.get("conditions", {}).get("before", {}).get("emulated") == "true")


def _reference(result: BuildResult, ids: TargetStages) -> tuple[list[Figure], int | None]:
    """Figures of the float file's benchmark, and the file's size."""
    if ids.float_export is None:
        return [], None
    exported = result.artifact(ids.float_export)
    size = (exported / read_export(exported).file).stat().st_size if exported else None
    return _figures(result, ids.float_bench, "bench.json"), size


def judge_budgets(target: Target, figures: list[Figure], higher_is_better: bool) -> list[BudgetResult]:
    """Hold the target's budgets against its figures; an error that must be reached is a limit from above."""
    limits = target.budgets.limits()
    lower = [limit.key for limit in limits if limit.sense == "metric" and higher_is_better]
    return judge({limit.key: (limit.value, limit.unit) for limit in limits}, figures, lower)


def _claim(raw: Mapping[str, Any]) -> ClaimFacts:
    claim = raw["claim"]
    details = ", ".join(f"{key} {value}" for key, value in claim.items() if key not in ("claim", "step"))
    return ClaimFacts(f"{claim['claim']}: {details}", claim["step"], raw["evidence"], raw["holds"])


def _artifact(target: Target, record: ExportRecord, verified: Mapping[str, Any], call: Invocation) -> ArtifactFacts:
    file = verified["summary"]["file"]
    dtypes = [sorted({spec.dtype for spec in specs}) for specs in (record.inputs, record.outputs)]
    words = f"{'/'.join(dtypes[0])} in, {'/'.join(dtypes[1])} out"
    folder = call.delivered.get(target.name)
    return ArtifactFacts(
        record.file,
        record.format,
        record.dtype,
        words,
        file["sha256"],
        file["bytes"],
        folder.as_posix() if folder else "",
    )


def _ledger(
    target: Target, result: BuildResult, figures: list[Figure], claims: tuple[ClaimFacts, ...]
) -> tuple[LedgerRow, ...]:
    ids = target_stages(target)
    rows = []
    for stage_id, step in zip(ids.steps, target.steps(), strict=True):
        method = method_of(step)
        evidence = [claim.evidence for claim in claims if claim.step == step.method]
        effect = "; ".join([*_said(result, stage_id, step.method), *evidence])
        scored = tuple(_figures(result, f"{stage_id}/score", "score.json"))
        rows.append(_row(result, stage_id, f"{step.method}: {method.title}", scored, effect))
    last = {figure.name: figure for figure in figures}
    of_file = tuple(last[name] for name in ("accuracy", "file_size", "arena") if name in last)
    title = f"export: {FORMATS.get(target.export.format).title}, {target.export.dtype}"
    rows.append(_row(result, ids.export, title, of_file))
    return tuple(row for row in rows if row is not None)


def _precision(target: Target, result: BuildResult) -> tuple[PrecisionFacts, ...]:
    """What a quantizing step of mixed precision measured of every layer."""
    for stage_id, step in zip(target_stages(target).steps, target.steps(), strict=True):
        record = _read(result, stage_id, "model.json") or {}
        own = record.get("extra", {}).get(step.method, {})
        if "sensitivity" in own:
            return tuple(
                PrecisionFacts(row["layer"], row["noise"], row["lost"], row["type"], own["coarse"])
                for row in own["sensitivity"]
            )
    return ()


def _said(result: BuildResult, stage_id: str, method: str) -> list[str]:
    """What a step itself says of its effect, such as why it stopped, in its model's record."""
    record = _read(result, stage_id, "model.json") or {}
    effect = record.get("extra", {}).get(method, {}).get("effect")
    return [effect] if effect else []


def _sensitivity(result: BuildResult, ids: TargetStages) -> tuple[SensitivityFacts, ...]:
    """What the steps of a plan measured of each layer alone; a later step may carry the file on."""
    found: list[SensitivityFacts] = []
    before: dict[str, Any] | None = None
    for stage_id in ids.steps:
        raw = _read(result, stage_id, SENSITIVITY)
        if raw is None or raw == before:
            continue
        before = raw
        curves = [
            SensitivityCurve(
                tuple(curve["layers"]),
                curve["channels"],
                tuple(SensitivityPoint(point["ratio"], point["quality"]) for point in curve["points"]),
            )
            for curve in raw["curves"]
        ]
        step = stage_id.rpartition("/")[2]
        told = (raw["metric"], raw["unit"], raw["importance"], raw["samples"], raw["whole"]["quality"])
        found.append(SensitivityFacts(step, *told, tuple(curves)))
    return tuple(found)


def _census(summary: Mapping[str, Any]) -> CensusFacts:
    io = [
        IoFacts(role, item["name"], item["dtype"], tuple(item["shape"]), item["scale"], item["zero_point"])  # type: ignore[arg-type]
        for role, key in (("input", "inputs"), ("output", "outputs"))
        for item in summary[key]
    ]
    return CensusFacts(
        tensors=tuple(DtypeCount(**row) for row in summary["tensors"]),
        operations=tuple(OperationCount(**row) for row in summary["operations"]),
        delegates=tuple(row["name"] for row in summary["delegates"]),
        io=tuple(io),
        arena_bytes=summary["arena"]["bytes"],
        arena_source=summary["arena"]["source"],
    )


def _firmware(raw: Mapping[str, Any]) -> FirmwareFacts:
    layers = [
        LayerCount(row["layer"], row["op"], row["kernel"], row["macs"], row["instructions"]) for row in raw["layers"]
    ]
    return FirmwareFacts(
        core=raw["core"],
        emulator=raw["emulator"],
        compiler=raw["compiler"],
        samples=raw["samples"],
        layers=tuple(layers),
        flash=tuple(FlashPart(name, raw["flash"][key]) for name, key in FLASH_PARTS.items()),
        memory=tuple(ArenaBuffer(**row) for row in raw["memory"]),
        arena_bytes=raw["arena_bytes"],
        arena_lower_bound=raw["arena_lower_bound"],
    )


def _stage_facts(stage: StageResult) -> StageFacts:
    causes = stage.causes or ((stage.reason,) if stage.reason else ())
    return StageFacts(stage.stage_id, stage.status, stage.seconds or 0.0, causes)


def _package_figures(result: BuildResult, stage_id: str, known: Collection[str]) -> list[Figure]:
    """Figures that only the package has, such as its container's size: those in its manifest that nobody else told."""
    artifact = result.artifact(stage_id)
    manifest = next(iter(sorted(artifact.rglob(MANIFEST))), None) if artifact is not None else None
    if manifest is None:
        return []
    figures = [Figure.from_json(raw) for raw in json.loads(manifest.read_text(encoding="utf-8")).get("figures", ())]
    return [figure for figure in figures if figure.name not in known]


def _package_files(result: BuildResult, stage_id: str) -> tuple[str, ...]:
    artifact = result.artifact(stage_id)
    if artifact is None:
        return ()
    return tuple(sorted(path.relative_to(artifact).as_posix() for path in artifact.rglob("*") if path.is_file()))
