"""Run chosen stages of a project that a benchmark writes, through edgebuild's own graph and store."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from edgebuild.config.load import load_project
from edgebuild.config.project import Project
from edgebuild.graph.assemble import build_graph
from edgebuild.graph.progress_display import LineDisplay
from edgebuild.graph.result import BuildResult
from edgebuild.graph.schedule import execute
from edgebuild.graph.store import open_store


def write_project(root: Path, project: dict[str, Any], modules: Iterable[tuple[str, str]]) -> Project:
    """Write the user's modules (name, source) and edgebuild.yaml below `root`, and read the project."""
    root.mkdir(parents=True, exist_ok=True)
    for name, source in modules:
        (root / f"{name}.py").write_text(source)
    (root / "edgebuild.yaml").write_text(json.dumps(project))
    return load_project(root / "edgebuild.yaml")


def run_stages(project: Project, names: Iterable[str], jobs: int = 1) -> BuildResult:
    """Bring these stages and what they need up to date, `jobs` at once; what happens is told on stderr."""
    graph = build_graph(project).subgraph(list(names))
    return execute(graph, open_store(project.root), project.root, jobs=jobs, observer=LineDisplay(sys.stderr))


def artifact_of(result: BuildResult, stage: str) -> Path:
    """The folder of a stage; a stage that failed ends the program with the build's errors."""
    folder = result.artifact(stage)
    if folder is None:
        sys.exit("\n".join(str(error) for error in result.errors()))
    return folder
