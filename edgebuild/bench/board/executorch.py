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
_REMEDY = "see what the message says; a board with Linux needs a C library of 2.28 or newer"


class ExecuTorchOnBoard(FileOnBoard):
    """A .pte file."""

    runtime = "executorch"
    operations_are = "the runtime's event trace (ETDump), XNNPACK ticks in microseconds; the whole traced too"

    def run(self, runs: int, samples: int | None = None) -> BoardRun:
        """As of `FileOnBoard`."""
        outputs: Sequence[IoRecord] = CENSUSES.get("pte").read(self.file).outputs
        remedy = phone_remedy(self.file) or _REMEDY
        rows = []
        for number in range(self.count if samples is None else samples):
            require_success(self.transport.run(self._command(1, number), DEFAULT_SECONDS), self.file.name, remedy)
            rows.append(self._pull(_OUTPUT))
        completed, counts = run_and_count(self.transport, self._command(runs), DEFAULT_SECONDS)
        told = json.loads(require_success(completed, self.file.name, remedy))
        require_cores(self.placement, told["cores"])
        split = [_split(row, outputs) for row in rows]
        return BoardRun(
            {spec.name: np.stack([one[spec.name] for one in split]) for spec in outputs},
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
        for position, array in enumerate(self.samples.values()):
            for number, sample in enumerate(array):
                raw = scratch / _input(number, position)
                np.ascontiguousarray(sample).tofile(raw)
                self.transport.push(raw, self.at(raw.name))

    def _command(self, runs: int, number: int = 0, trace: str = "") -> list[str]:
        """The command `time` of the runner (its source says the arguments)."""
        cores = ",".join(map(str, self.placement.cores)) or "-"
        names = [self.at(_input(number, position)) for position in range(len(self.samples))]
        program = [f"./{self.at(_BUNDLE)}/{RUNNER}", "time", self.at(_MODEL), str(self.placement.threads), cores]
        return [*program, str(runs), self.at(_OUTPUT), self.at(trace) if trace else "-", *names]

    def _pull(self, name: str) -> bytes:
        with scratch_folder("board") as scratch:
            self.transport.pull(self.at(name), scratch / name)
            return (scratch / name).read_bytes()


def _input(number: int, position: int) -> str:
    """The file of one sample for one input."""
    return f"sample{number}-input{position}.raw"


def _split(raw: bytes, outputs: Sequence[IoRecord]) -> dict[str, np.ndarray]:
    """The outputs, which lie one after the other."""
    found, position = {}, 0
    for spec in outputs:
        array = np.frombuffer(raw, np.dtype(spec.dtype), int(np.prod(spec.shape)), position)
        found[spec.name] = array.reshape(spec.shape)
        position += array.nbytes
    return found
