"""How long `edgebuild build` takes when nothing changed: promised at most 1.5 s."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from statistics import median

from measuring.demo import build, fresh_project
from measuring.results import Result, publish

RUNS = 11
LIMIT_SECONDS = 1.5


def main() -> None:
    """Build once, then again and again; the last time after touching every file of the project."""
    with tempfile.TemporaryDirectory() as folder:
        project = fresh_project(Path(folder))
        cold = build(project).seconds
        again = [build(project).seconds for _ in range(RUNS)]
        for path in project.iterdir():
            if path.is_file():
                os.utime(path)
        touched = build(project).seconds
    spread = f"{RUNS} runs, {min(again):.3f} to {max(again):.3f} s"
    publish(
        "unchanged_rebuild",
        "Unchanged rebuild",
        "Wall time of `edgebuild build` of examples/digits, all targets, report included.",
        [
            Result("median", median(again), "s", LIMIT_SECONDS, spread),
            Result("after touching every file", touched, "s", LIMIT_SECONDS, "once"),
            Result("the cold build before", cold, "s"),
        ],
    )


if __name__ == "__main__":
    main()
