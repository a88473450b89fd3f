"""A small project on disk and its build graph; runnable as a program, to be killed from outside."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from edgebuild.graph.graph import Graph
from edgebuild.graph.observer import Unobserved
from edgebuild.graph.result import BuildResult, StageResult
from edgebuild.graph.schedule import execute
from edgebuild.graph.stage import Stage
from edgebuild.graph.store import open_store
from tests.graph import stage_kinds

assert stage_kinds, "importing it registers the kinds"


class Recorder(Unobserved):
    """Remembers the events of a build."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.waited: list[str] = []
        self.progress: list[tuple[str, float]] = []
        self.finished: list[StageResult] = []
        self.interrupted: tuple[int, int] | None = None

    def stage_started(self, stage: Stage, causes: Any) -> None:
        self.started.append(stage.id)

    def stage_waiting(self, stage: Stage, reason: str) -> None:
        self.waited.append(stage.id)

    def stage_progress(self, stage: Stage, fraction: float, message: str) -> None:
        self.progress.append((stage.id, fraction))

    def stage_finished(self, result: StageResult) -> None:
        self.finished.append(result)

    def build_interrupted(self, done: int, left: int) -> None:
        self.interrupted = (done, left)


def write_project(root: Path) -> Path:
    """A data file, a module, and a helper that the module imports inside a function."""
    (root / "helpers").mkdir(parents=True)
    (root / "source.txt").write_text("pixels\n")
    (root / "model.py").write_text(
        "def build(*texts):\n    from helpers.layers import wrap\n\n    return wrap('|'.join(texts))\n"
    )
    (root / "helpers" / "__init__.py").write_text("")
    (root / "helpers" / "layers.py").write_text("def wrap(text):\n    return f'<{text}>'\n")
    return root


def make_graph(
    *, scale: float = 1.0, seed: int = 1, suffix: str = "!", sleep: float = 0.0, tools: tuple[str, ...] = ()
) -> Graph:
    """Data, a baseline, and two targets whose first step is the same work."""
    params = {"fit": {"scale": scale}, "scale": scale, "sleep": sleep, "tools": list(tools)}
    stages = [
        Stage("data", "test-source", files={"source": "source.txt"}),
        Stage("baseline", "test-compute", params, {"data": "data"}, code=("model:build",), seed=seed),
    ]
    for target, ending in (("phone", suffix), ("pi", "?")):
        stages += [
            Stage(f"{target}/step", "test-join", {"sleep": sleep}, {"a": "baseline", "b": "data"}, target=target),
            Stage(f"{target}/export", "test-join", {"suffix": ending}, {"model": f"{target}/step"}, target=target),
        ]
    return Graph(stages)


def build(root: Path, graph: Graph, *, jobs: int = 1, observer: Recorder | None = None) -> BuildResult:
    """One build with a store opened anew, as a new process would."""
    return execute(graph, open_store(root), root, jobs=jobs, observer=observer or Recorder())


def ran(result: BuildResult) -> list[str]:
    """Ids of the stages that were made, sorted; the work that both targets share counts as the phone's."""
    made = {stage.stage_id for stage in result.stages.values() if stage.ran}
    return sorted("phone/step" if name == "pi/step" else name for name in made)


def objects(root: Path) -> dict[str, bytes]:
    """Every file of every object: relative path -> bytes."""
    folder = root / ".edgebuild" / "objects"
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


if __name__ == "__main__":
    wanted = make_graph(sleep=float(sys.argv[2]), scale=float(sys.argv[3]))
    outcome = build(Path(sys.argv[1]), wanted, jobs=2)
    sys.stdout.write(" ".join(f"{stage.stage_id}={stage.status}:{int(stage.ran)}" for stage in outcome.stages.values()))
