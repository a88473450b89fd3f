"""A runtime: loads an exported file on this host and runs it; the file's own kernels, not PyTorch's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from edgebuild.errors import ToolError


class NotRunHereError(ToolError):
    """The file has operations that nothing on this host runs, though a device may."""


class Session(Protocol):
    """One loaded file. Arrays are exactly as the file wants them: dtype, layout and batch of its inputs."""

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run once; names are those of export.json."""
        ...

    def close(self) -> None:
        """Free the file and any process behind the session."""
        ...


@dataclass(frozen=True)
class OpTime:
    """Time of one operation (or one delegate's operation) of the file: median ms over `runs`, in file order."""

    name: str
    layer: str | None
    median_ms: float
    runs: int


@dataclass(frozen=True)
class ProfileReport:
    """Times of all operations, and of the whole file in the same process: median ms of an inference."""

    operations: tuple[OpTime, ...]
    whole_ms: float

    @property
    def ratio(self) -> float:
        """Sum of the operations / whole."""
        return sum(operation.median_ms for operation in self.operations) / self.whole_ms


@dataclass(frozen=True)
class TimedRun:
    """Raw material of a benchmark, from a process of its own.

    Attributes:
        milliseconds: one entry per timed inference, in order, warm-up included (the protocol decides what to drop).
        load_ms: from opening the file to ready.
        peak_bytes: high-water resident memory of the process.
        idle_bytes: resident memory of the process with the runtime loaded and before the file was opened.
        outputs_sha256: of the bytes of the last outputs, in the file's order, to see that what was timed is what was
            checked.
    """

    milliseconds: tuple[float, ...]
    load_ms: float
    peak_bytes: int
    idle_bytes: int
    outputs_sha256: str


@dataclass(frozen=True)
class Runtime:
    """One runtime; registered in RUNTIMES.

    Attributes:
        title: one line for docs.
        version: version of the runtime installed here, or None where it is missing.
        open: (file, threads) -> Session.
        time: (file, input .npy files by name, threads, runs, cpus to pin to) -> TimedRun, in a separate process.
        profile: (file, input .npy files by name, threads, runs) -> per-op times.
        remedy: command that installs it.
        distribution: the installed distribution it comes with; empty where it lives in an environment of its own.
        same_kernels: name of the runtime here that has the same kernels, so that a file's integer outputs must agree
            with it to the rounding of one step; None where there is none.
        times: False where how long it takes says nothing about any device, so that nothing is benchmarked.
    """

    title: str
    version: Callable[[], str | None]
    open: Callable[[Path, int], Session]
    time: Callable[[Path, Mapping[str, Path], int, int, tuple[int, ...]], TimedRun]
    profile: Callable[[Path, Mapping[str, Path], int, int], list[OpTime]]
    remedy: str
    distribution: str = ""
    same_kernels: str | None = None
    times: bool = True
