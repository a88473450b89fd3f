"""Every broken project of `build_*/` passes the config checks and fails in the build, with exactly the expected text.

`expected.txt` holds what the command says on stderr from its first `error:` on; `exit_code` its exit code where it is
not 2.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.workers import LastingExecutor, run_here

CASES = sorted(path for path in Path(__file__).parent.glob("build_*") if path.is_dir())
BAD_INPUT = 2
MISSED = 1


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_message_is_exact(case: Path, workers: LastingExecutor, tmp_path: Path) -> None:
    project = shutil.copytree(case, tmp_path / "project")
    ended = run_here(workers, project, "build", "--jobs", "1")
    assert ended.err[ended.err.find("error:") :] == (case / "expected.txt").read_text()
    code = case / "exit_code"
    assert ended.code == (int(code.read_text()) if code.exists() else BAD_INPUT)
    assert "Traceback" not in ended.err
    assert str(tmp_path) not in ended.err + ended.out
    assert (project / "reports" / "latest" / "report.json").exists() or ended.code != MISSED


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 18
