"""A whole build: graph, artifacts, report, verdict."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from edgebuild.config.project import Project
from edgebuild.errors import ExitCode
from edgebuild.graph.assemble import build_graph, target_stages
from edgebuild.graph.collect import Invocation, collect
from edgebuild.graph.deliver import deliver
from edgebuild.graph.observer import Observer
from edgebuild.graph.preflight import check_before_build
from edgebuild.graph.result import BuildResult
from edgebuild.graph.schedule import default_jobs, execute
from edgebuild.graph.select import select_targets
from edgebuild.graph.store import open_store
from edgebuild.report.facts import RunFacts
from edgebuild.report.verdict import run_passed
from edgebuild.report.write import write_report

REPORTS = "reports"


@dataclass(frozen=True)
class Built:
    """What a build left behind.

    Attributes:
        facts: everything the report says.
        report: folder of the report.
        result: what became of every stage.
        exit_code: 0 all targets passed; 1 a budget or an effect missed; else the code of the worst error.
    """

    facts: RunFacts
    report: Path
    result: BuildResult
    exit_code: ExitCode


def build_project(project: Project, names: Sequence[str], jobs: int | None, observer: Observer, command: str) -> Built:
    """Build these targets of the project (all where none is named), deliver their packages and write the report.

    Raises:
        ConfigError: a name is none of the project's targets, a module is missing, or there is no such metric.
        StoreError: the store, the artifacts or the report cannot be written.
    """
    started, clock = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), time.monotonic()
    targets = select_targets(project, names)
    graph = build_graph(project, names)
    check_before_build(project, graph)
    result = execute(graph, open_store(project.root), project.root, jobs=jobs or default_jobs(), observer=observer)
    delivered = {}
    for target in targets:
        package = result.artifact(target_stages(target).package)
        if package is not None:
            delivered[target.name] = deliver(package, target.name, project.root)
    call = Invocation(command, started, time.monotonic() - clock, delivered)
    facts = collect(project, targets, result, call)
    report = write_report(facts, project.root / REPORTS)
    return Built(facts, report, result, _exit_code(facts, result))


def _exit_code(facts: RunFacts, result: BuildResult) -> ExitCode:
    errors = result.errors()
    if errors:
        return max(error.exit_code for error in errors)
    return ExitCode.OK if run_passed(facts) else ExitCode.MISSED
