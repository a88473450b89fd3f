"""Builds that are killed at any moment, and builds that run at once."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from edgebuild.graph.store import read_store
from edgebuild.graph.store_care import verify_store
from tests.build.command import TAKE_INTERRUPTS
from tests.graph.small_project import build, make_graph, objects, ran, write_project

ROOT = Path(__file__).parents[2]
KILLS = 10


def start(project: Path, sleep: float, scale: float = 1.0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*TAKE_INTERRUPTS, sys.executable, "-m", "tests.graph.small_project", str(project), str(sleep), str(scale)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def children(pid: int) -> list[int]:
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False


def test_build_killed_at_any_moment_is_completed_by_the_next(project: Path, tmp_path: Path) -> None:
    """Each round has new work to do, and is killed between the start of the build and a little after its end."""
    moments = random.Random(7)
    orphans: list[int] = []
    finished = 0
    for number in range(KILLS):
        before = set((project / ".edgebuild" / "tmp").glob("*"))
        process = start(project, 0.05, scale=number)
        while set((project / ".edgebuild" / "tmp").glob("*")) <= before and process.poll() is None:
            time.sleep(0.005)
        time.sleep(moments.random() * 0.9)
        orphans += children(process.pid) if process.poll() is None else []
        finished += process.poll() is not None
        process.kill()
        process.communicate()
        assert verify_store(read_store(project)) == []
    assert finished < KILLS
    reference = write_project(tmp_path / "reference")
    build(reference, make_graph(sleep=0.05, scale=0.0))
    result = build(project, make_graph(sleep=0.05, scale=0.0))
    assert all(stage.status in ("built", "cached") for stage in result.stages.values())
    assert verify_store(read_store(project)) == []
    assert objects(reference).items() <= objects(project).items()
    assert list((project / ".edgebuild" / "tmp").iterdir()) == []
    assert not [pid for pid in orphans if is_running(pid)]


def test_killed_while_stages_run_leaves_no_worker(project: Path) -> None:
    process = start(project, 20.0)
    deadline = time.monotonic() + 20
    while not (project / ".edgebuild" / "logs" / "baseline.log").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    workers = children(process.pid)
    assert workers
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 5
    while any(is_running(pid) for pid in workers):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert ran(build(project, make_graph()))[:1] == ["baseline"]


def test_two_builds_at_once_share_the_work(project: Path, tmp_path: Path) -> None:
    reference = write_project(tmp_path / "reference")
    build(reference, make_graph(sleep=0.5))
    both = [start(project, 0.5), start(project, 0.5)]
    outputs = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    ran_by = [{text.split("=")[0] for text in out.split() if text.endswith(":1")} for out, _ in outputs]
    assert not ran_by[0] & ran_by[1]
    assert len(ran_by[0] | ran_by[1]) == 5
    assert objects(project) == objects(reference)
    assert verify_store(read_store(project)) == []


def test_build_waits_for_the_one_that_makes_the_same_and_takes_over_when_it_dies(project: Path) -> None:
    first = start(project, 30.0)
    deadline = time.monotonic() + 20
    while not (project / ".edgebuild" / "logs" / "baseline.log").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    second = start(project, 30.0)
    time.sleep(1.5)
    assert children(second.pid) == []
    first.kill()
    first.communicate()
    deadline = time.monotonic() + 10
    while not children(second.pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    second.send_signal(signal.SIGINT)
    _, errors = second.communicate(timeout=120)
    assert second.returncode in (1, -signal.SIGINT), errors
    build(project, make_graph())
    assert list((project / ".edgebuild" / "tmp").iterdir()) == []
