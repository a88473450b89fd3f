"""Times a .pte file in a process of its own: the C++ runner, pinned, with its own clock around every inference."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.device.guard import with_us
from edgebuild.errors import ConfigError, ToolError
from edgebuild.runtime.executorch_build import build_runner
from edgebuild.runtime.executorch_file import read_pte
from edgebuild.runtime.executorch_session import last_complaint
from edgebuild.runtime.session import TimedRun

_NONE = "-"


def time_pte(file: Path, inputs: Mapping[str, Path], threads: int, runs: int, cpus: tuple[int, ...]) -> TimedRun:
    """Run `file` `runs` times and return every duration.

    Args:
        file: the .pte.
        inputs: name -> .npy with one or more samples exactly as the file wants them; several are used in turn.
        threads: of the runtime's pool.
        runs: inferences, all of them timed.
        cpus: to pin the process to; empty means no pinning.

    Raises:
        ConfigError: an input is missing or does not fit.
        ToolError: the runner cannot be built, or it failed.
    """
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "output.raw"
        result = run_timed(file, inputs, threads, runs, cpus, output=str(output))
        digest = hashlib.sha256(output.read_bytes()).hexdigest()
    return TimedRun(
        tuple(result["milliseconds"]), result["load_ms"], result["peak_bytes"], result["idle_bytes"], digest
    )


def run_timed(
    file: Path,
    inputs: Mapping[str, Path],
    threads: int,
    runs: int,
    cpus: tuple[int, ...],
    *,
    output: str = _NONE,
    etdump: str = _NONE,
) -> dict[str, Any]:
    """Start the runner's `time` command and return its JSON."""
    with tempfile.TemporaryDirectory() as scratch:
        raw = _raw_inputs(file, inputs, Path(scratch))
        fixed = [str(file), str(threads), _pinning(cpus), str(runs), output, etdump]
        command = with_us([str(build_runner()), "time", *fixed, *raw])
        done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        msg = f"{file}: the executorch runner failed (exit code {done.returncode}): {last_complaint(done.stderr)}"
        raise ToolError(msg)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _pinning(cpus: tuple[int, ...]) -> str:
    if not cpus:
        return _NONE
    usable = os.sched_getaffinity(0)
    if not set(cpus) <= usable:
        msg = f"CPUs {sorted(set(cpus) - usable)} cannot be used by this process; it may use {sorted(usable)}"
        raise ConfigError(msg)
    return ",".join(str(cpu) for cpu in cpus)


def _raw_inputs(file: Path, inputs: Mapping[str, Path], scratch: Path) -> list[str]:
    """Write the samples as plain bytes in the order of the file's inputs."""
    program = read_pte(file)
    names = [item["name"] for item in program.metadata().get("inputs", [])]
    if not names:
        names = [f"input_{i}" for i in range(len(program.forward()["inputs"]))]
    if set(names) != set(inputs):
        msg = f"{file}: inputs given: {', '.join(inputs)}; expected: {', '.join(names)}"
        raise ConfigError(msg)
    paths: list[str] = []
    for name in names:
        path = scratch / f"{len(paths)}.raw"
        np.ascontiguousarray(np.load(inputs[name], mmap_mode="r")).tofile(path)
        paths.append(str(path))
    return paths
