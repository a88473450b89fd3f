"""What became of one variant of one project: its file, proved and run, or why there is none."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from edgebuild.config.load import load_project
from edgebuild.graph.assemble import build_graph, target_stages
from edgebuild.graph.observer import Unobserved
from edgebuild.graph.schedule import execute
from edgebuild.graph.store import open_store
from tests.workers import LastingExecutor, building_with


@dataclass(frozen=True)
class Outcome:
    """One file.

    Attributes:
        error: why there is no file; empty where there is one.
        findings: fatal ones, code -> message.
        sqnr_db: per output, against the PyTorch model; infinite where equal.
        accuracy_drop: against the PyTorch model, in the metric's own unit; positive is worse.
        notes: code -> message of what was noted only.
    """

    error: str = ""
    findings: dict[str, str] = field(default_factory=dict)
    sqnr_db: tuple[float, ...] = ()
    accuracy_drop: float = 0.0
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def cell(self) -> str:
        """As docs/support-matrix.md says it."""
        if self.error:
            return "no file"
        return ", ".join(sorted(self.findings)) or "yes"


def build_outcomes(file: Path, workers: LastingExecutor) -> dict[str, Outcome]:
    """Build every target of a project as far as its proof."""
    project = load_project(file)
    verify = {target.name: target_stages(target).verify for target in project.targets}
    graph = build_graph(project).subgraph(verify.values())
    with building_with(workers):
        result = execute(graph, open_store(file.parent), file.parent, jobs=2, observer=Unobserved())
    found = {}
    for name, stage in verify.items():
        artifact = result.artifact(stage)
        errors = [str(made.error) for made in result.stages.values() if made.error and made.stage_id.startswith(name)]
        found[name] = _read(artifact) if artifact else Outcome(error=" ".join(errors) or "an earlier stage failed")
    return found


def _read(artifact: Path) -> Outcome:
    facts = json.loads((artifact / "verify.json").read_text())
    by_severity: dict[str, dict[str, str]] = {"fatal": {}, "note": {}}
    for finding in facts["findings"]:
        by_severity.setdefault(finding["severity"], {})[finding["code"]] = finding["message"]
    figures = facts["figures"]
    sqnr = [figure["value"] for figure in figures if figure["name"] == "sqnr"]
    return Outcome(
        findings=by_severity["fatal"],
        sqnr_db=tuple(float("inf") if value is None else value for value in sqnr),
        accuracy_drop=next(figure["value"] for figure in figures if figure["name"] == "accuracy_drop"),
        notes=by_severity["note"],
    )
