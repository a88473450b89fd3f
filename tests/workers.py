"""Builds inside the test's own process, with worker processes that last: torch and the converters are loaded once."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

from edgebuild.cli.main import main
from edgebuild.graph.executors.executor import EXECUTORS, Task
from edgebuild.graph.executors.local import LocalExecutor


class LastingExecutor(LocalExecutor):
    """Real workers, which stay for the next build."""

    def submit(self, task: Task) -> None:
        """The workers stay in the folder where they were started, so nothing may be relative."""
        super().submit(replace(task, log=task.log.resolve()))

    def close(self) -> None:
        """Keep them."""

    def end(self) -> None:
        """Let them go."""
        super().close()


@contextlib.contextmanager
def lasting_workers(slots: int) -> Iterator[LastingExecutor]:
    executor = LastingExecutor(slots)
    try:
        yield executor
    finally:
        executor.end()


def building_with(workers: LastingExecutor) -> contextlib.AbstractContextManager[object]:
    """While it is entered, every build of this process runs its stages in these workers."""
    return patch.dict(EXECUTORS._entries, {"local": lambda _slots: workers})


@dataclass(frozen=True)
class Ended:
    """What a command left: exit code and everything it wrote."""

    code: int
    out: str
    err: str


def run_here(workers: LastingExecutor, folder: Path, *arguments: str) -> Ended:
    """`edgebuild ARGUMENTS` typed in `folder`: the real command line, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        building_with(workers),
        patch.object(sys, "argv", ["edgebuild", *arguments]),
    ):
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return Ended(code, out.getvalue(), err.getvalue())
