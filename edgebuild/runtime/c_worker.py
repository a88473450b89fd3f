"""Times a generated C library in a process of its own: reads a job as JSON on stdin, writes the result to stdout."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.runtime.c_library import CLibrarySession


def timed(job: dict[str, Any]) -> dict[str, Any]:
    """The fields of a `edgebuild.runtime.session.TimedRun`."""
    if job["cpus"]:
        os.sched_setaffinity(0, job["cpus"])
    arrays = {name: np.load(path) for name, path in job["inputs"].items()}
    idle, start = _peak_bytes(), time.perf_counter()
    session = CLibrarySession(Path(job["file"]), job["threads"])
    load_ms = 1e3 * (time.perf_counter() - start)
    milliseconds = []
    for _ in range(job["runs"]):
        session.feed(arrays)  # the arena is the model's own: what the inputs held is gone after a run
        start = time.perf_counter()
        session.invoke()
        milliseconds.append(1e3 * (time.perf_counter() - start))
    outputs = b"".join(array.tobytes() for array in session.results().values())
    return {
        "milliseconds": milliseconds,
        "load_ms": load_ms,
        "peak_bytes": _peak_bytes(),
        "idle_bytes": idle,
        "outputs_sha256": hashlib.sha256(outputs).hexdigest(),
    }


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    sys.stdout.write(json.dumps(timed(json.load(sys.stdin))))
