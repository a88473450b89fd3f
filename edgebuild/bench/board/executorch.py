"""A .pte file on a board, run by the C++ runner that is pushed with its libraries: nothing is installed there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np

from edgebuild.bench.board.on_board import FileOnBoard
from edgebuild.bench.board.phones import phone_remedy
from edgebuild.bench.board.run import (
    DEFAULT_SECONDS,
    EMPTY_MARKS,
    PROFILED_MARKS,
    PROFILED_RUNS,
    BoardRun,
    between_marks,
    require_cores,
    require_success,
    run_and_count,
)
from edgebuild.check.census.model import IoRecord
from edgebuild.config.registries import CENSUSES
from edgebuild.device.qemu_profile import BlockProfile
from edgebuild.device.scratch import scratch_folder
from edgebuild.runtime.executorch_bundle import RUNNER, bundle_for
from edgebuild.runtime.executorch_profile import WARM_UP, operations_of
from edgebuild.runtime.session import ProfileReport

_BUNDLE, _MODEL, _OUTPUT, _TRACE = "executorch", "model.pte", "output.raw", "trace.etdp"
_OUTPUTS = "outputs.bin"
_ALL, _FIRST = "all", "first"
"""Which samples: those whose outputs are compared, and the one that is timed."""
_REMEDY = "see what the message says; a board with Linux needs a C library of 2.28 or newer"


class ExecuTorchOnBoard(FileOnBoard):
    """A .pte file."""

    runtime = "executorch"
    operations_are = "the runtime's event trace (ETDump), XNNPACK ticks in microseconds; the whole traced too"

    def run(self, runs: int, samples: int | None = None) -> BoardRun:
        """As of `FileOnBoard`."""
        remedy = phone_remedy(self.file) or _REMEDY
        count = self.count if samples is None else samples
        everything = self._program("run", str(count), self.at(_OUTPUTS), *self._inputs(_ALL))
        require_success(self.transport.run(everything, DEFAULT_SECONDS), self.file.name, remedy)
        outputs = self._split(self._pull(_OUTPUTS), count)
        completed, counts = run_and_count(self.transport, self._command(runs), DEFAULT_SECONDS)
        told = json.loads(require_success(completed, self.file.name, remedy))
        require_cores(self.placement, told["cores"])
        return BoardRun(
            outputs,
            tuple(told["milliseconds"]),
            between_marks(counts, runs),
            told["load_ms"],
            told["peak_bytes"],
            hashlib.sha256(self._pull(_OUTPUT)).hexdigest(),
        )

    def operations(self, runs: int) -> ProfileReport:
        """As of `FileOnBoard`."""
        completed = self.transport.run(self._command(runs + WARM_UP, trace=_TRACE), DEFAULT_SECONDS)
        told = json.loads(require_success(completed, self.file.name, _REMEDY))
        require_cores(self.placement, told["cores"])
        operations = operations_of(self.file, self._pull(_TRACE))
        return ProfileReport(tuple(operations), median(told["milliseconds"][WARM_UP:]))

    def profile(self) -> BlockProfile:
        """As of `FileOnBoard`."""
        command = self._command(PROFILED_RUNS)
        completed, profile = self.emulated.run_profiled(command, DEFAULT_SECONDS, PROFILED_MARKS, EMPTY_MARKS)
        require_success(completed, self.file.name, _REMEDY)
        return profile

    def _push(self, scratch: Path) -> None:
        self.transport.push(bundle_for(self.transport.properties()), self.at(_BUNDLE))
        self.transport.push(self.file, self.at(_MODEL))
        for part, arrays in ((_ALL, self.samples), (_FIRST, {name: array[:1] for name, array in self.samples.items()})):
            for name, array in zip(self._names(part), arrays.values(), strict=True):
                np.ascontiguousarray(array).tofile(scratch / name)
                self.transport.push(scratch / name, self.at(name))

    def _names(self, part: str) -> list[str]:
        """Files of raw samples, one for each input."""
        return [f"{part}-input{position}.raw" for position in range(len(self.samples))]

    def _inputs(self, part: str) -> list[str]:
        return [self.at(name) for name in self._names(part)]

    def _command(self, runs: int, trace: str = "") -> list[str]:
        """The command that times the first sample."""
        return self._program(
            "time", str(runs), self.at(_OUTPUT), self.at(trace) if trace else "-", *self._inputs(_FIRST)
        )

    def _program(self, command: str, *arguments: str) -> list[str]:
        """A command of the runner (its source says the arguments)."""
        cores = ",".join(map(str, self.placement.cores)) or "-"
        placed = [self.at(_MODEL), str(self.placement.threads), cores]
        return [f"./{self.at(_BUNDLE)}/{RUNNER}", command, *placed, *arguments]

    def _pull(self, name: str) -> bytes:
        with scratch_folder("board") as scratch:
            self.transport.pull(self.at(name), scratch / name)
            return (scratch / name).read_bytes()

    def _split(self, raw: bytes, count: int) -> dict[str, np.ndarray]:
        """Outputs [count, ...] of so many samples: all of the first lie before those of the second."""
        ports: Sequence[IoRecord] = CENSUSES.get("pte").read(self.file).outputs
        sizes = [int(np.prod(port.shape)) * np.dtype(port.dtype).itemsize for port in ports]
        rows = np.frombuffer(raw, np.uint8).reshape(count, sum(sizes))
        parts = np.split(rows, np.cumsum(sizes)[:-1], axis=1)
        return {
            port.name: np.ascontiguousarray(part).view(port.dtype).reshape(count, *port.shape)
            for port, part in zip(ports, parts, strict=True)
        }
