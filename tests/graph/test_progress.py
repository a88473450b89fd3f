"""What people see of a build: lines without a terminal, bars on one, and an estimate of the time left."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import threading
from pathlib import Path

import pytest

from edgebuild.graph.canonical import digest_of
from edgebuild.graph.estimate_time import TimeEstimate
from edgebuild.graph.graph import Graph
from edgebuild.graph.progress_display import LineDisplay, progress_display
from edgebuild.graph.records import KeyRecord
from edgebuild.graph.schedule import default_jobs, execute
from edgebuild.graph.stage import Stage
from edgebuild.graph.store import Store, open_store
from edgebuild.progress import format_duration
from tests.graph.small_project import make_graph


@pytest.fixture
def timed(tmp_path: Path) -> tuple[Graph, Store]:
    """A chain of 10 s and 4 s, and a stage of 6 s beside it."""
    graph = Graph(
        [
            Stage("a", "test-join"),
            Stage("b", "test-join", {}, {"x": "a"}),
            Stage("c", "test-length", {}, {"x": "a"}),
        ]
    )
    store = open_store(tmp_path)
    for stage_id, kind, seconds in (("a", "test-join", 10.0), ("b", "test-join", 4.0), ("c", "test-length", 6.0)):
        components = {"kind": kind, "for": stage_id}
        store.remember(stage_id, KeyRecord(digest_of(components), "0", stage_id, components, seconds, 0.0))
    return graph, store


def test_time_left_is_the_longest_chain_or_the_shared_work(timed: tuple[Graph, Store]) -> None:
    estimate = TimeEstimate(*timed)
    assert estimate.remaining(["a", "b", "c"], {}, 2) == 16.0
    assert estimate.remaining(["a", "b", "c"], {}, 1) == 20.0
    assert estimate.remaining(["b", "c"], {}, 2) == 6.0
    assert estimate.remaining([], {}, 2) == 0.0
    assert estimate.chain("a") == 16.0


def test_time_left_of_a_running_stage_follows_its_own_progress(timed: tuple[Graph, Store]) -> None:
    estimate = TimeEstimate(*timed)
    assert estimate.remaining(["b"], {"b": (3.0, 0.0)}, 1) == 1.0
    assert estimate.remaining(["b"], {"b": (3.0, 0.25)}, 1) == 9.0


def test_time_left_is_unknown_for_what_never_ran(timed: tuple[Graph, Store]) -> None:
    graph, store = timed
    graph.add(Stage("d", "test-source", {}, {"x": "c"}))
    graph.add(Stage("e", "test-length", {}, {"x": "c"}))
    estimate = TimeEstimate(graph, store)
    assert estimate.remaining(["d"], {}, 1) is None
    assert estimate.remaining(["e"], {}, 1) == 6.0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.42, "0.4 s"), (12.3, "12 s"), (200, "3 min 20 s"), (7500, "2 h 05 min"), (59.7, "1 min 00 s")],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_lines_without_a_terminal(project: Path) -> None:
    out = io.StringIO()
    execute(make_graph(), open_store(project), project, jobs=1, observer=LineDisplay(out))
    lines = out.getvalue().splitlines()
    assert lines[0] == "start data: it was never built"
    assert lines[1].startswith("built data in 0.")
    assert lines[-1] == "6 stages: 5 built, 1 cached"
    out = io.StringIO()
    execute(make_graph(), open_store(project), project, jobs=1, observer=LineDisplay(out))
    assert out.getvalue() == "6 stages: 6 cached\n"


def test_bars_on_a_terminal(project: Path) -> None:
    master, slave = pty.openpty()
    shown = bytearray()

    def read_all() -> None:
        with contextlib.suppress(OSError):  # how Linux says that the other end is closed
            while chunk := os.read(master, 4096):
                shown.extend(chunk)

    reader = threading.Thread(target=read_all)
    reader.start()
    with os.fdopen(slave, "w") as terminal, progress_display(terminal) as observer:
        execute(make_graph(sleep=0.3), open_store(project), project, jobs=1, observer=observer)
    reader.join(timeout=10)
    os.close(master)
    text = shown.decode()
    assert "built baseline in 0." in text
    assert "working" in text
    assert "6 stages: 5 built, 1 cached" in text


def test_jobs_are_the_cores_and_at_most_two() -> None:
    assert default_jobs() == min(2, len(os.sched_getaffinity(0)))
