"""Talks to `litert_worker.py` in a child process, whichever interpreter runs it."""

from __future__ import annotations

import io
import json
import re
import signal
import struct
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from edgebuild.errors import ToolError
from edgebuild.runtime.session import TimedRun

WORKER = Path(__file__).with_name("litert_worker.py")
"""Runs alone, also on another machine that has Python, numpy and the runtime."""
_HEADER = 8
_RAISED = re.compile(r"\w+(Error|Exception)\b")


def run_job(python: Path, command: str, job: Mapping[str, Any]) -> Any:
    """Run `command` (`time` or `cuts`) of the worker with `python` and return its JSON.

    Raises:
        ToolError: the child failed or was killed; the message has its last words.
    """
    with tempfile.TemporaryDirectory(prefix="edgebuild-litert-") as scratch:
        path = Path(scratch) / "job.json"
        path.write_text(json.dumps(job))
        done = subprocess.run([*_command(python), command, str(path)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ToolError(_last_words(str(job.get("file", "the model's operations")), done.returncode, done.stderr))
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
        self._file = file
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed by close())
        self._child = subprocess.Popen(
            [*_command(python), "serve", str(file.resolve()), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        try:
            names = json.loads(self._receive())
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
        packed = io.BytesIO()
        ordered: dict[str, Any] = {str(position): inputs[name] for position, name in enumerate(self._inputs)}
        np.savez(packed, **ordered)
        content = packed.getvalue()
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(struct.pack("<Q", len(content)) + content)
            self._child.stdin.flush()
        except BrokenPipeError:
            raise ToolError(self._died()) from None
        with np.load(io.BytesIO(self._receive()), allow_pickle=False) as arrays:
            return {name: arrays[str(position)] for position, name in enumerate(self._outputs)}

    def close(self) -> None:
        """End the child."""
        for stream in (self._child.stdin, self._child.stdout):
            if stream is not None:
                stream.close()
        self._child.wait()
        self._errors.close()

    def _receive(self) -> bytes:
        assert self._child.stdout is not None
        header = self._child.stdout.read(_HEADER)
        if len(header) < _HEADER:
            raise ToolError(self._died())
        return self._child.stdout.read(struct.unpack("<Q", header)[0])

    def _died(self) -> str:
        status = self._child.wait()
        self._errors.seek(0)
        return _last_words(self._file.name, status, self._errors.read().decode(errors="replace"))


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
