"""A rebuild makes what a change concerns and nothing else, and `explain` names the change."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.build.command import Built
from tests.workers import LastingExecutor, run_here

HEAVY = ("torch", "executorch", "litert_torch", "ai_edge_litert", "sklearn")
LOOK = f"""
import sys, atexit
sys.argv[:] = ["edgebuild", "build", "--json"]
from edgebuild.cli.main import main
atexit.register(lambda: sys.stderr.write(f"loaded: {{[name for name in {HEAVY} if name in sys.modules]}}"))
main()
"""


def explain(workers: LastingExecutor, project: Path) -> dict[str, dict[str, Any]]:
    ended = run_here(workers, project, "explain", "--json")
    assert ended.code == 0, ended.err
    return {stage["stage_id"]: stage for stage in json.loads(ended.out)["stages"]}


def would_run(stages: dict[str, dict[str, Any]]) -> set[str]:
    return {name for name, stage in stages.items() if not stage["cached"]}


def rebuild(workers: LastingExecutor, project: Path) -> set[str]:
    ended = run_here(workers, project, "build", "--json")
    assert ended.code == 0, ended.err
    return {stage["stage"] for stage in json.loads(ended.out)["stages"] if stage["ran"]}


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_unchanged_rebuild_runs_nothing_and_loads_no_framework(built: Built) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOOK], cwd=built.project, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert {stage["status"] for stage in json.loads(done.stdout)["stages"]} == {"cached"}
    assert done.stderr.endswith("loaded: []")


def test_touch_runs_nothing(project: Path, workers: LastingExecutor) -> None:
    for file in project.glob("*.*"):
        os.utime(file, (1, 1))
    assert would_run(explain(workers, project)) == set()
    assert rebuild(workers, project) == set()


def test_calibration_of_one_target_reruns_its_suffix_only(project: Path, workers: LastingExecutor) -> None:
    edit(project / "edgebuild.yaml", "samples: 32", "samples: 48")
    stages = explain(workers, project)
    assert any("calibration.samples: 32 -> 48" in cause for cause in stages["board/1-quantize"]["causes"])
    foreseen = would_run(stages)
    assert {"board/1-quantize", "board/export", "board/verify", "board/bench", "board/package"} <= foreseen
    assert not [name for name in foreseen if not name.startswith("board/")]
    assert rebuild(workers, project) <= foreseen


def test_seed_reruns_everything(project: Path, workers: LastingExecutor) -> None:
    edit(project / "edgebuild.yaml", "seed: 3", "seed: 4")
    stages = explain(workers, project)
    assert would_run(stages) == set(stages)
    for name in ("data", "baseline"):
        assert "seed: 3 -> 4" in stages[name]["causes"]


def test_a_helper_of_the_model_reruns_what_depends_on_it_and_is_named(project: Path, workers: LastingExecutor) -> None:
    edit(project / "layers.py", "nn.ReLU()", "nn.ReLU6()")
    stages = explain(workers, project)
    assert "code layers.py (imported by model.py): changed" in stages["baseline"]["causes"]
    assert would_run(stages) == set(stages) - {"data"}


def test_an_allowed_finding_is_a_warning_and_the_build_passes(tmp_path: Path, workers: LastingExecutor) -> None:
    source = Path(__file__).parents[1] / "failing" / "build_op_undelegated"
    for name in ("edgebuild.yaml", "model.py", "data.py"):
        (tmp_path / name).write_text((source / name).read_text())
    refused = run_here(workers, tmp_path, "build")
    assert (refused.code, "error: phone: undelegated-op" in refused.err) == (1, True)
    assert not (tmp_path / "artifacts").exists()
    edit(tmp_path / "edgebuild.yaml", "plan: []", "plan: []\n    allow: [undelegated-op]")
    passed = run_here(workers, tmp_path, "build")
    assert (passed.code, "warning: phone: undelegated-op" in passed.out) == (0, True), passed.err
    assert (tmp_path / "artifacts" / "phone").is_dir()
