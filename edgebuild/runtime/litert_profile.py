"""Time per operation of a .tflite file on this host, each operation cut into a file of its own (`litert_cuts`)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edgebuild.device.scratch import scratch_folder
from edgebuild.runtime.litert_child import run_job
from edgebuild.runtime.litert_cuts import cut_into_operations
from edgebuild.runtime.session import ProfileReport

_log = logging.getLogger(__name__)


def profile_in_child(python: Path, file: Path, inputs: Mapping[str, Path], threads: int, runs: int) -> ProfileReport:
    """Time every operation of the main graph `runs` times alone, with the runtime that `python` has.

    Raises:
        ConfigError: the file is not a .tflite.
        ToolError: an operation does not load or run alone.
    """
    with scratch_folder("profile") as scratch:
        bundle = scratch / "operations.zip"
        cut = cut_into_operations(file, {name: np.load(path) for name, path in inputs.items()}, bundle)
        medians = run_job(python, "cuts", cut.job(str(bundle), str(file.resolve()), threads, (), runs))["medians"]
    report = cut.report(medians, runs)
    _log.info("%s: operations alone take %.2f times the whole (%.4f ms)", file.name, report.ratio, report.whole_ms)
    return report
