"""A fresh copy of the demo project, and the edgebuild command on it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from measuring.process_tree import Measured, run_measured

ROOT = Path(__file__).resolve().parents[2]
EDGEBUILD = Path(sys.prefix) / "bin" / "edgebuild"
DEMO = "examples/digits"
BUDGET_MISSED = 1


def fresh_project(folder: Path, name: str = "digits", example: str = DEMO) -> Path:
    """Copy an example's files under version control to `folder/name`, without store, reports or artifacts."""
    project = folder / name
    listing = subprocess.run(
        ["git", "ls-files", "-z", example], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for file in filter(None, listing.split("\0")):
        target = project / Path(file).relative_to(example)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / file, target)
    return project


def forget_compiled_runner() -> None:
    """Remove the runner that edgebuild compiled into its environment, so that a cold build compiles it again."""
    shutil.rmtree(Path(sys.prefix) / "var" / "edgebuild", ignore_errors=True)


def build(project: Path, *arguments: str) -> Measured:
    """Run `edgebuild build`; a missed budget is a result, any other failure ends the benchmark."""
    measured = run_measured([str(EDGEBUILD), "build", *arguments], project)
    if measured.exit_code not in (0, BUDGET_MISSED):
        sys.exit(f"edgebuild build failed with exit code {measured.exit_code}:\n{measured.stderr[-4000:]}")
    return measured


def build_facts(project: Path) -> dict[str, Any]:
    """Build and return the content of the run's report.json."""
    facts: dict[str, Any] = json.loads(build(project, "--json").stdout)["facts"]
    return facts
