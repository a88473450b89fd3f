"""Numbers that take long and depend on a file alone, kept between two runs of a benchmark."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Task:
    """A number of a file; `measure` is a function of a module, or a partial of one, so that another process has it."""

    file: Path
    name: str
    measure: Callable[[], float]

    @property
    def key(self) -> str:
        """Its name, and the digest of the file's content."""
        return f"{self.name} {hashlib.sha256(self.file.read_bytes()).hexdigest()}"


class Remembered:
    """Numbers by the digest of a file and a name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, float] = json.loads(path.read_text()) if path.is_file() else {}

    def once(self, file: Path, name: str, measure: Callable[[], float]) -> float:
        """What `measure` gave for a file of this content."""
        task = Task(file, name, measure)
        if task.key not in self._known:
            self._keep(task.key, measure())
        return self._known[task.key]

    def measure_all(self, tasks: Iterable[Task], jobs: int) -> None:
        """Measure what is not known yet, `jobs` at once in processes of their own."""
        missing = {task.key: task for task in tasks if task.key not in self._known}
        with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
            running = {key: pool.submit(task.measure) for key, task in missing.items()}
            for key, future in running.items():
                self._keep(key, future.result())

    def _keep(self, key: str, value: float) -> None:
        self._known[key] = value
        self._path.write_text(json.dumps(self._known, indent=1))
