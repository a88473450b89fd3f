"""Talks to `litert_worker.py` in a child process, whichever interpreter runs it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.device.guard import with_us
from edgebuild.device.scratch import scratch_folder
from edgebuild.errors import ToolError
from edgebuild.runtime.session import TimedRun
from edgebuild.runtime.worker_process import WorkerProcess

WORKER = Path(__file__).with_name("litert_worker.py")
"""Runs alone, also on another machine that has Python, numpy and the runtime."""
_RAISED = re.compile(r"\w+(Error|Exception)\b")


def run_job(python: Path, command: str, job: Mapping[str, Any]) -> Any:
    """Run `command` (`time` or `cuts`) of the worker with `python` and return its JSON.

    Raises:
        ToolError: the child failed or was killed; the message has its last words.
    """
    with scratch_folder("litert") as scratch:
        path = scratch / "job.json"
        path.write_text(json.dumps(job))
        job_command = with_us([*_command(python), command, str(path)])
        done = subprocess.run(job_command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ToolError(_last_words(str(job["file"]), done.returncode, done.stderr))
    return json.loads(done.stdout)


def time_in_child(
    python: Path,
    file: Path,
    inputs: Mapping[str, Path],
    threads: int,
    runs: int,
    cpus: tuple[int, ...],
    *,
    delegated: bool = True,
) -> TimedRun:
    """Load `file` in a new process pinned to `cpus` (empty: not pinned) and time `runs` inferences.

    Without `delegated` it runs on the runtime's own kernels.

    Raises:
        ToolError: the file cannot be loaded or run there.
    """
    job = {
        "file": str(file.resolve()),
        "inputs": {name: str(path.resolve()) for name, path in inputs.items()},
        "threads": threads,
        "runs": runs,
        "cpus": list(cpus),
        "delegated": delegated,
    }
    result = run_job(python, "time", job)
    return TimedRun(**{**result, "milliseconds": tuple(result["milliseconds"])})


class ChildSession:
    """A file loaded in a child process; a `edgebuild.runtime.session.Session`."""

    def __init__(self, python: Path, file: Path, threads: int) -> None:
        """Raises ToolError where the runtime there cannot load the file."""
        command = [*_command(python), "serve", str(file.resolve()), str(threads)]
        self._worker = WorkerProcess(command, lambda status, errors: ToolError(_last_words(file.name, status, errors)))
        try:
            names = json.loads(self._worker.receive())
        except ToolError:
            self.close()
            raise
        self._inputs: list[str] = names["inputs"]
        self._outputs: list[str] = names["outputs"]

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run once.

        Raises:
            ToolError: the child died.
        """
        answer = self._worker.ask({str(position): inputs[name] for position, name in enumerate(self._inputs)})
        return dict(zip(self._outputs, answer, strict=True))

    def close(self) -> None:
        """End the child."""
        self._worker.close()


def _command(python: Path) -> list[str]:
    """Isolated: neither our variables nor the worker's own folder (`tflite_runtime.py`!) lead it to our modules."""
    return [str(python), "-I", str(WORKER)]


def _last_words(file: str, status: int, errors: str) -> str:
    how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with {status}"
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    raised = [number for number, line in enumerate(lines) if _RAISED.match(line)]
    return (
        f"the runtime of {file} {how}: {' '.join(lines[raised[-1] :] if raised else lines[-1:]) or 'it said nothing'}"
    )
