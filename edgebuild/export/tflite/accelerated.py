"""Any .tflite file for an accelerator: as its compiler takes it, what the compiler made of it, and what it said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edgebuild.check.accelerators.accelerator import Accelerator, AcceleratorReport, JudgeRequest
from edgebuild.check.accelerators.compiled import refuse_compiled
from edgebuild.check.census.tflite import take_structure
from edgebuild.check.finding import Finding, apply_allow
from edgebuild.config.load import load_target, shipped_targets
from edgebuild.config.profile import is_path
from edgebuild.config.registries import ACCELERATORS
from edgebuild.errors import ConfigError
from edgebuild.export.tflite.lower_versions import Lowered, lower_for
from edgebuild.figure import Figure
from edgebuild.output_file import write_output
from edgebuild.report.budgets import judge, unjudged_findings
from edgebuild.report.facts import BudgetResult

REPORT = "accelerator.json"
_OF_THE_MODEL = ("accuracy_drop", "accuracy_min")
"""Budgets that only a project with data can judge."""


@dataclass(frozen=True)
class AcceleratedTarget:
    """What is asked for: an accelerator, `hardware:`, findings that are accepted, budgets (name -> limit, unit)."""

    accelerator: str
    hardware: Mapping[str, Any] = field(default_factory=dict)
    allow: tuple[str, ...] = ()
    budgets: Mapping[str, tuple[float, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Accelerated:
    """One file, compiled.

    Attributes:
        target: what it was compiled for.
        lowered: the file as the compiler takes it.
        report: what the accelerator makes of it.
        findings: what runs on the CPU, and budgets that nothing was held against.
        budgets: the profile's, judged.
        files: names in the folder, sorted.
    """

    target: AcceleratedTarget
    lowered: Lowered
    report: AcceleratorReport
    findings: tuple[Finding, ...]
    budgets: tuple[BudgetResult, ...]
    files: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing fatal was found, and no budget missed."""
        fatal = any(finding.severity == "fatal" for finding in self.findings)
        return not fatal and all(budget.met is not False for budget in self.budgets)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; the accelerator's own report is under `report`."""
        return {
            "accelerator": self.target.accelerator,
            "passed": self.passed,
            "lowered": list(self.lowered.changes),
            "proof": self.lowered.proof,
            "findings": [finding.to_json() for finding in self.findings],
            "budgets": [asdict(budget) for budget in self.budgets],
            "files": list(self.files),
            "report": self.report.to_json(),
        }


def accelerated_target(target: str) -> AcceleratedTarget | None:
    """What a profile (shipped name or path) or the name of an accelerator asks for; None where it has none.

    Raises:
        ConfigError: the profile cannot be read.
    """
    if not is_path(target) and target not in shipped_targets():
        return AcceleratedTarget(target) if target in ACCELERATORS else None
    profile = load_target(target)
    name = profile.hardware.accelerator
    if name is None:
        return None
    limits = profile.budgets.limits()
    return AcceleratedTarget(
        name,
        profile.hardware.model_dump(mode="json", exclude_none=True),
        profile.allow,
        {limit.key: (limit.value, limit.unit) for limit in limits if limit.key not in _OF_THE_MODEL},
    )


def compile_accelerated(model: Path, data: bytes, target: AcceleratedTarget, folder: Path) -> Accelerated:
    """Fill `folder` with the file as the compiler takes it, what the compiler made of it, and its report.

    Args:
        model: a .tflite file; its name is kept.
        data: its bytes.
        target: what to compile it for.
        folder: made where it is missing.

    Raises:
        ConfigError: the file is no .tflite, a damaged one or compiled already, or the folder cannot be written.
        ToolError: the compiler is missing or refuses the file.
    """
    refuse_compiled(take_structure(data, model.name))
    accelerator: Accelerator = ACCELERATORS.get(target.accelerator)
    lowered = lower_for(accelerator.parser, data, model.name)
    file = folder / model.with_suffix(".tflite").name
    if file.exists() and file.samefile(model):
        msg = f"{folder}: {file.name} there is the model itself, which would be overwritten"
        raise ConfigError(msg, remedy="name another folder with --output")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_output(file, lowered.data)
        report = accelerator.judge(JudgeRequest(file, target.hardware, folder))
        write_output(folder / REPORT, json.dumps(report.to_json(), indent=1, sort_keys=True) + "\n")
    except OSError as error:
        msg = f"{folder}: cannot be written: {error.strerror}"
        raise ConfigError(msg, remedy="name another folder with --output") from error
    size = Figure("file_size", float(len(lowered.data)), "B", "exact", provenance=file.name)
    budgets = tuple(judge(target.budgets, [*report.figures, size]))
    return Accelerated(
        target,
        lowered,
        report,
        tuple(apply_allow([*report.left_on_cpu, *unjudged_findings(budgets)], target.allow)),
        budgets,
        tuple(sorted(path.name for path in folder.iterdir() if path.is_file())),
    )
