"""A build makes what is missing, takes what is there, and a failure stops only what depends on it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgebuild.errors import ConfigError, InternalError, ToolError
from edgebuild.graph.graph import Graph
from edgebuild.graph.stage import Stage
from tests.graph.small_project import Recorder, build, make_graph, objects, ran, write_project

ALL = ["baseline", "data", "phone/export", "phone/step", "pi/export"]


def trouble(how: str) -> Stage:
    return Stage("bad/step", "test-trouble", {"how": how}, {"data": "data"})


def with_trouble(how: str) -> Graph:
    return Graph(
        [*make_graph(), trouble(how), Stage("bad/export", "test-join", {}, {"model": "bad/step"}, target="bad")]
    )


def test_cold_build_makes_everything_and_shares_equal_work(project: Path) -> None:
    observer = Recorder()
    result = build(project, make_graph(), observer=observer)
    assert ran(result) == ALL
    assert sorted(result[name].status for name in ("phone/step", "pi/step")) == ["built", "cached"]
    assert result["pi/step"].key == result["phone/step"].key
    text = (result["phone/export"].artifact / "out.txt").read_text()
    assert text == "<PIXELS> scale=1.0 seed=1+PIXELS!"
    assert ("baseline", 1.0) in observer.progress
    assert result["data"].causes == ("it was never built",)


def test_unchanged_build_takes_everything_and_starts_no_worker(project: Path) -> None:
    build(project, make_graph())
    observer = Recorder()
    result = build(project, make_graph(), observer=observer)
    assert {stage.status for stage in result.stages.values()} == {"cached"}
    assert observer.started == []
    assert result["baseline"].seconds is not None


def test_two_jobs_give_what_one_gives(project: Path, tmp_path: Path) -> None:
    build(project, make_graph(), jobs=1)
    other = write_project(tmp_path / "elsewhere")
    build(other, make_graph(), jobs=2)
    assert objects(project) == objects(other)


def test_equal_content_cuts_off_what_follows(project: Path) -> None:
    stages = [
        Stage("data", "test-source", files={"source": "source.txt"}),
        Stage("length", "test-length", {}, {"text": "data"}),
        Stage("end", "test-join", {}, {"a": "length"}),
    ]
    build(project, Graph(stages))
    (project / "source.txt").write_text("voxels\n")
    assert ran(build(project, Graph(stages))) == ["data", "length"]


def test_gate_keeps_everything_downstream_from_running(project: Path) -> None:
    (project / "source.txt").write_text("extraordinary")
    stages = [
        *make_graph(),
        Stage("length", "test-length", {}, {"text": "data"}),
        Stage("bench", "test-join", {}, {"a": "length"}),
        Stage("package", "test-join", {}, {"a": "bench"}),
    ]
    for expect_ran in (True, False):
        result = build(project, Graph(stages))
        assert result["length"].status == "gated"
        assert result["length"].ran is expect_ran
        assert result["length"].artifact is not None
        for name in ("bench", "package"):
            assert result[name].status == "skipped"
            assert result[name].reason == "length: the word has 13 letters, more than 8"
        assert result["phone/export"].artifact is not None


def test_users_error_travels_with_its_remedy_and_others_go_on(project: Path) -> None:
    result = build(project, with_trouble("config"))
    error = result["bad/step"].error
    assert type(error) is ConfigError
    assert (error.message, error.remedy) == ("the data is empty", "give it some")
    assert result["bad/export"].status == "skipped"
    assert result["bad/export"].reason == "bad/step failed"
    assert result["phone/export"].status == "built"
    assert not [name for name in objects(project) if name.endswith("half.txt")]


def test_our_bug_is_an_internal_error_with_the_traceback_in_the_log(project: Path) -> None:
    error = build(project, with_trouble("bug"))["bad/step"].error
    assert type(error) is InternalError
    assert "ValueError: index out of the blue" in error.message
    log = project / ".edgebuild" / "logs" / "bad%2Fstep.log"
    assert str(log.relative_to(project)) in str(error.remedy)
    assert "Traceback" in log.read_text()


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV"])
def test_dead_worker_fails_only_its_stage(project: Path, name: str) -> None:
    result = build(project, with_trouble(name))
    error = result["bad/step"].error
    assert type(error) is ToolError
    assert f"bad/step: the worker process was killed by {name}" in error.message
    assert f"about to fail: {name}" in error.message
    assert result["phone/export"].status == "built"
    assert result["pi/export"].status == "built"


def test_worker_survives_a_stage_that_exits(project: Path) -> None:
    result = build(project, with_trouble("exit"))
    assert isinstance(result["bad/step"].error, InternalError)
    assert result["pi/export"].status == "built"


def test_failed_stage_runs_again(project: Path) -> None:
    build(project, with_trouble("config"))
    result = build(project, with_trouble("config"))
    assert result["bad/step"].status == "failed"
    assert ran(result) == []


def test_what_a_stage_prints_goes_to_its_log(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    build(project, make_graph())
    log = (project / ".edgebuild" / "logs" / "phone%2Fexport.log").read_text()
    assert sorted(log.splitlines()) == ["as a C library prints", "joining 1"]
    assert capfd.readouterr() == ("", "")


def test_worker_has_the_threads_of_its_stage(project: Path) -> None:
    graph = Graph(
        [
            Stage("one", "test-environment", {}),
            Stage("three", "test-environment", {"threads": 3}),
            Stage("again", "test-environment", {"n": 1}),
        ]
    )
    result = build(project, graph)
    threads = {name: (result[name].artifact / "out.txt").read_text().split()[0] for name in result.stages}
    assert threads == {"one": "1", "three": "3", "again": "1"}


def test_exclusive_stage_runs_alone(project: Path) -> None:
    kinds = {"a": "test-timeline", "b": "test-exclusive", "c": "test-timeline", "d": "test-exclusive"}
    result = build(project, Graph([Stage(name, kind, {"n": name}) for name, kind in kinds.items()]), jobs=2)
    times = {n: [float(t) for t in (result[n].artifact / "times.txt").read_text().split()] for n in kinds}
    for name in ("b", "d"):
        for other in set(kinds) - {name}:
            assert times[name][0] >= times[other][1] or times[other][0] >= times[name][1]


def test_interrupted_build_keeps_what_is_done(project: Path) -> None:
    class Stop(Recorder):
        def stage_progress(self, stage: Stage, fraction: float, message: str) -> None:
            raise KeyboardInterrupt

    observer = Stop()
    with pytest.raises(KeyboardInterrupt):
        build(project, make_graph(sleep=5), observer=observer)
    assert observer.interrupted == (1, 5)
    assert list((project / ".edgebuild" / "tmp").iterdir()) == []
    assert "data" not in ran(build(project, make_graph()))


def test_missing_code_fails_its_stage_and_names_the_files(project: Path) -> None:
    graph = Graph([Stage("baseline", "test-compute", code=("nets.tiny:build",)), Stage("other", "test-join", {})])
    result = build(project, graph)
    assert isinstance(result["baseline"].error, ConfigError)
    assert "found neither nets/tiny.py nor nets/tiny/" in result["baseline"].error.message
    assert result["other"].status == "built"


def test_code_changed_while_the_stage_ran_is_not_recorded(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Edit(Recorder):
        def stage_started(self, stage: Stage, causes: object) -> None:
            if stage.id == "baseline":
                (project / "helpers" / "layers.py").write_text("def wrap(text):\n    return f'[{text}]'\n")

    build(project, make_graph(), observer=Edit())
    assert "code helpers/layers.py (imported by model.py): changed while it ran" in caplog.text
    result = build(project, make_graph())
    assert "baseline" in ran(result)
    assert (result["baseline"].artifact / "out.txt").read_text().startswith("[PIXELS]")


def test_helper_edited_within_a_second_is_run_from_source(project: Path) -> None:
    """Python's bytecode cache would take the old code for current: same size, same second."""
    helper = project / "helpers" / "layers.py"
    subprocess.run([sys.executable, "-c", "import model; model.build('x')"], cwd=project, check=True)
    stat = helper.stat()
    helper.write_text("def wrap(text):\n    return f'[{text}]'\n")
    os.utime(helper, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    result = build(project, make_graph())
    assert (result["baseline"].artifact / "out.txt").read_text().startswith("[PIXELS]")


def test_user_folder_stays_clean(project: Path) -> None:
    build(project, make_graph())
    assert {path.name for path in project.iterdir()} == {"source.txt", "model.py", "helpers", ".edgebuild"}
    assert not list(project.glob("helpers/__pycache__"))


def test_graph_refuses_circles_and_unknown_inputs() -> None:
    circle = Graph([Stage("a", "test-join", {}, {"x": "b"}), Stage("b", "test-join", {}, {"x": "a"})])
    with pytest.raises(InternalError, match="a -> b -> a"):
        circle.order()
    with pytest.raises(InternalError, match="reads 'x' from 'nowhere'"):
        Graph([Stage("a", "test-join", {}, {"x": "nowhere"})]).order()
    with pytest.raises(InternalError, match="twice"):
        Graph([Stage("a", "test-join"), Stage("a", "test-join")])


def test_subgraph() -> None:
    graph = make_graph()
    assert [stage.id for stage in graph.subgraph(["pi/step"])] == ["data", "baseline", "pi/step"]


def test_cached_build_imports_no_heavy_library(project: Path) -> None:
    build(project, make_graph(sleep=0.0))
    program = (
        "import sys; from pathlib import Path; from tests.graph.small_project import *; "
        "r = build(Path(sys.argv[1]), make_graph()); assert not ran(r); "
        "print([m for m in ('torch', 'rich', 'sklearn', 'executorch') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(project)], cwd=Path(__file__).parents[2], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
