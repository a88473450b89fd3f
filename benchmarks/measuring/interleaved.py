"""Latency of several exported files on this host, taking turns: what slows the machine down slows all of them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgebuild.bench.exclusive import exclusive_host
from edgebuild.bench.protocol import choose_runs
from edgebuild.bench.statistics import Interval, median_interval
from edgebuild.bench.warmup import find_warmup
from edgebuild.config.registries import RUNTIMES
from edgebuild.export.format import read_export

ROUNDS = 5
"""Processes of every file."""
SECONDS = 0.4
"""Of inferences in one process, about."""


@dataclass(frozen=True)
class Timed:
    """One file: the median in ms with its interval, and the median of every round."""

    latency: Interval
    rounds: tuple[float, ...]


def time_in_turns(folders: Mapping[str, Path], seed: int = 0) -> dict[str, Timed]:
    """Time the exported files in these folders with one thread, one process each and round after round."""
    runs = {name: list[np.ndarray]() for name in folders}
    with tempfile.TemporaryDirectory() as scratch, exclusive_host():
        files = {
            name: _File(folder, Path(scratch) / str(number)) for number, (name, folder) in enumerate(folders.items())
        }
        for _ in range(ROUNDS):
            for name, file in files.items():
                runs[name].append(file.time())
    return {
        name: Timed(median_interval(rows, seed=seed), tuple(float(np.median(row)) for row in rows))
        for name, rows in runs.items()
    }


class _File:
    """An exported file and one inference's inputs of zeros."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        record = read_export(folder)
        scratch.mkdir()
        self._path = folder / record.file
        self._runtime = RUNTIMES.get("litert" if record.format == "tflite" else record.format)
        self._inputs = {one.name: scratch / f"{number}.npy" for number, one in enumerate(record.inputs)}
        for one in record.inputs:
            np.save(self._inputs[one.name], np.zeros(one.shape, one.dtype))
        self._runs = choose_runs(self._runtime, self._path, self._inputs, 1, SECONDS)

    def time(self) -> np.ndarray:
        """Milliseconds of the runs of one process, without its warm-up."""
        timed = self._runtime.time(self._path, self._inputs, 1, self._runs, ())
        milliseconds = np.asarray(timed.milliseconds)
        return milliseconds[find_warmup(milliseconds).runs :]
