"""Every broken project of `build_*/` passes the config checks and fails in the build, with exactly the expected text.

`expected.txt` holds what the command says on stderr from its first `error:` on; `exit_code` its exit code where it is
not 2. The real command line runs, with real worker processes, which the cases share to load torch once.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edgebuild.cli.main import main
from edgebuild.graph.executors.executor import EXECUTORS, Task
from edgebuild.graph.executors.local import LocalExecutor

CASES = sorted(path for path in Path(__file__).parent.glob("build_*") if path.is_dir())
BAD_INPUT = 2
MISSED = 1


class LastingExecutor(LocalExecutor):
    """Keeps its workers from one build to the next."""

    def submit(self, task: Task) -> None:
        """The workers stay in the folder where they were started; only the log of a task is relative."""
        super().submit(replace(task, log=task.log.resolve()))

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def workers() -> Iterator[LastingExecutor]:
    executor = LastingExecutor(1)
    yield executor
    LocalExecutor.close(executor)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_message_is_exact(
    case: Path,
    workers: LastingExecutor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    project = shutil.copytree(case, tmp_path / "project")
    monkeypatch.chdir(project)
    monkeypatch.setitem(EXECUTORS._entries, "local", lambda slots: workers)
    monkeypatch.setattr(sys, "argv", ["edgebuild", "build", "--jobs", "1"])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capfd.readouterr().err
    start = said.find("error:")
    assert said[start:] == (case / "expected.txt").read_text()
    assert int(ended.value.code or 0) == int(_read(case / "exit_code", str(BAD_INPUT)))
    assert "Traceback" not in said
    assert str(tmp_path) not in said
    assert (project / "reports" / "latest" / "report.json").exists() or ended.value.code != MISSED


def _read(file: Path, default: str) -> str:
    return file.read_text() if file.exists() else default


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 18
