"""A cold `make demo` after installation: promised at most 3 minutes and 3 GiB on 2 cores."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from measuring.demo import ROOT, build, forget_compiled_runner, fresh_project
from measuring.process_tree import run_measured
from measuring.results import Result, publish

LIMIT_SECONDS = 180.0
LIMIT_GIB = 3.0
GIB = 2**30


def main() -> None:
    """Time what `make demo` does: the check of the environment, then a build with an empty store."""
    setup = run_measured(["make", "--silent", "setup"], ROOT)
    forget_compiled_runner()
    with tempfile.TemporaryDirectory() as folder:
        measured = build(fresh_project(Path(folder)), "--json")
    targets = json.loads(measured.stdout)["facts"]["targets"]
    memory = f"sum over the process tree, {measured.samples} samples; shared pages count more than once"
    publish(
        "cold_demo",
        "Cold demo",
        "`make setup` with the environment in place, then `edgebuild build` of examples/digits in a fresh folder.",
        [
            Result("wall time", setup.seconds + measured.seconds, "s", LIMIT_SECONDS, f"{len(targets)} targets"),
            Result("peak memory", measured.peak_tree_bytes / GIB, "GiB", LIMIT_GIB, memory),
            Result("largest process", measured.peak_process_bytes / GIB, "GiB", detail="its own high-water mark"),
            Result("of it, environment check", setup.seconds, "s"),
        ],
    )


if __name__ == "__main__":
    main()
