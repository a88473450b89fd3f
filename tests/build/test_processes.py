"""Builds that are killed, interrupted, run at once or far from each other end with the same bytes."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.build.command import Built, digests, edgebuild, start
from tests.build.tiny_project import write_tiny_project
from tests.workers import LastingExecutor, run_here

INTERRUPTED = 130
KILLS = 4


def answer(workers: LastingExecutor, project: Path, *command: str) -> dict[str, Any]:
    """What a command that only looks at the store says of it."""
    said: dict[str, Any] = json.loads(run_here(workers, project, *command, "--json").out)
    return said


def test_killed_four_times_the_next_build_completes_with_the_same_bytes(
    built: Built, tmp_path: Path, workers: LastingExecutor
) -> None:
    project = write_tiny_project(tmp_path / "killed")
    moments = random.Random(11)
    killed = 0
    for _ in range(KILLS):
        process = start(project, "build", "--target", "board")
        time.sleep(1 + 4 * moments.random())
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        assert answer(workers, project, "cache", "verify")["intact"]
    assert killed >= KILLS - 1
    done = edgebuild(project, "build", "--target", "board")
    assert done.returncode == 0, done.stderr
    assert answer(workers, project, "cache", "verify") == {"intact": True, "damages": []}
    assert digests(project / "artifacts" / "board") == digests(built.project / "artifacts" / "board")
    assert list((project / ".edgebuild" / "tmp").iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_build_says_what_is_kept(tmp_path: Path, workers: LastingExecutor, number: signal.Signals) -> None:
    project = write_tiny_project(tmp_path / "interrupted")
    process = start(project, "build")
    baseline = project / ".edgebuild" / "logs" / "baseline.log"
    while not baseline.exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    _, said = process.communicate(timeout=120)
    assert process.returncode == INTERRUPTED
    assert "interrupted: 1 stages are done and kept" in said
    assert "Traceback" not in said
    assert answer(workers, project, "cache", "verify")["intact"]
    assert answer(workers, project, "explain")["cached"] == 1


def test_two_builds_at_once_elsewhere_both_succeed_with_the_same_bytes(built: Built, tmp_path: Path) -> None:
    project = write_tiny_project(tmp_path / "twice")
    both = [start(project, "build", "--json", "--jobs", "1") for _ in range(2)]
    ended = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], [said for _, said in ended]
    made = [{stage["stage"] for stage in json.loads(out)["stages"] if stage["ran"]} for out, _ in ended]
    assert not made[0] & made[1]
    assert digests(project / "artifacts") == digests(built.project / "artifacts")


def test_reader_that_goes_away_does_not_change_the_verdict(built: Built) -> None:
    process = start(built.project, "build", "--json")
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_terminal_without_unicode_gets_the_nearest_ascii(built: Built) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [Path(sys.executable).with_name("edgebuild"), "build"]
    done = subprocess.run(command, cwd=built.project, capture_output=True, env=environment, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "+ met  x missed" in done.stdout.decode("ascii")


def test_project_named_from_another_folder_builds_the_same(built: Built, tmp_path: Path) -> None:
    facts = json.loads(edgebuild(tmp_path, "build", "--json", "--project", str(built.project)).stdout)
    assert {stage["status"] for stage in facts["stages"]} == {"cached"}
    assert list(tmp_path.iterdir()) == []
