"""A .tflite file on a board that has Python and LiteRT: what is pushed, what is run, and what comes back."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.bench.board.edge_tpu import DELEGATE, is_compiled
from edgebuild.bench.board.edge_tpu import REMEDY as EDGE_TPU_REMEDY
from edgebuild.bench.board.on_board import ALONE, FileOnBoard
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
from edgebuild.config.device import Device
from edgebuild.device.connect import reach_of
from edgebuild.device.cores import Placement
from edgebuild.device.qemu_profile import BlockProfile
from edgebuild.device.scratch import scratch_folder
from edgebuild.device.transport import Transport
from edgebuild.errors import ToolError
from edgebuild.runtime.litert_child import WORKER
from edgebuild.runtime.litert_cuts import cut_into_operations
from edgebuild.runtime.session import ProfileReport

_MODEL, _INPUTS, _OUTPUTS, _JOB = "model.tflite", "inputs.npz", "outputs.npz", "job.json"
_BUNDLE = "operations.zip"
_REMEDY = "see what the runtime there lacks: numpy, and ai-edge-litert or tflite-runtime, for its python3"


class LiteRTOnBoard(FileOnBoard):
    """A .tflite file; one for an Edge TPU runs through its delegate."""

    runtime = "litert"
    operations_are = "each operation alone in a file of its own; the whole beside them"

    def __init__(
        self,
        transport: Transport,
        device: Device,
        file: Path,
        samples: Mapping[str, np.ndarray],
        placement: Placement | None = None,
        folder: str = ALONE,
        *,
        delegated: bool = True,
    ) -> None:
        """With the kernels of XNNPACK where it is `delegated`, else with the runtime's own."""
        self._delegated = delegated
        self._compiled = is_compiled(file)
        self._python = reach_of(device).options.python or sys.executable
        super().__init__(transport, device, file, samples, placement, folder)

    def run(self, runs: int, samples: int | None = None) -> BoardRun:
        """As of `FileOnBoard`."""
        completed, counts = run_and_count(self.transport, self._command(runs, samples), DEFAULT_SECONDS)
        remedy = EDGE_TPU_REMEDY if self._compiled else _REMEDY
        told = json.loads(require_success(completed, self.file.name, remedy))
        require_cores(self.placement, told["cores"])
        with scratch_folder("board") as scratch:
            pulled = scratch / _OUTPUTS
            self.transport.pull(self.at(_OUTPUTS), pulled)
            with np.load(pulled, allow_pickle=False) as arrays:
                outputs = {name: arrays[str(position)] for position, name in enumerate(told["outputs"])}
        return BoardRun(
            outputs,
            tuple(told["milliseconds"]),
            between_marks(counts, runs),
            told["load_ms"],
            told["peak_bytes"],
            told["outputs_sha256"],
        )

    def operations(self, runs: int) -> ProfileReport:
        """As of `FileOnBoard`; the operations travel together, in one bundle."""
        if self._compiled:
            msg = "an Edge TPU runs them as one"
            raise ToolError(msg)
        first = {name: array[0] for name, array in self.samples.items()}
        with scratch_folder("board") as scratch:
            cut = cut_into_operations(self.file, first, scratch / _BUNDLE)
            self.transport.push(scratch / _BUNDLE, self.at(_BUNDLE))
        job = cut.job(self.at(_BUNDLE), self.at(_MODEL), self.placement.threads, self.placement.cores, runs)
        completed = self.transport.run(self._worker("cuts", job), DEFAULT_SECONDS)
        told = json.loads(require_success(completed, self.file.name, _REMEDY))
        require_cores(self.placement, told["cores"])
        return cut.report(told["medians"], runs)

    def profile(self) -> BlockProfile:
        """As of `FileOnBoard`."""
        command = self._command(PROFILED_RUNS, 1)
        completed, profile = self.emulated.run_profiled(command, DEFAULT_SECONDS, PROFILED_MARKS, EMPTY_MARKS)
        require_success(completed, self.file.name, _REMEDY)
        return profile

    def _push(self, scratch: Path) -> None:
        arrays: dict[str, Any] = {str(position): array for position, array in enumerate(self.samples.values())}
        np.savez(scratch / _INPUTS, **arrays)
        for source, name in ((self.file, _MODEL), (WORKER, WORKER.name), (scratch / _INPUTS, _INPUTS)):
            self.transport.push(source, self.at(name))

    def _command(self, runs: int, samples: int | None) -> list[str]:
        """The command that runs the samples, and then one of them again and again."""
        job = {
            "file": self.at(_MODEL),
            "inputs": self.at(_INPUTS),
            "outputs": self.at(_OUTPUTS),
            "samples": self.count if samples is None else samples,
            "threads": self.placement.threads,
            "cores": self.placement.cores,
            "runs": runs,
            "delegated": self._delegated,
        }
        job |= {"library": DELEGATE} if self._compiled else {}
        return self._worker("board", job)

    def _worker(self, command: str, job: Mapping[str, Any]) -> list[str]:
        """How the worker is started with a job, which is pushed."""
        with scratch_folder("board") as scratch:
            (scratch / _JOB).write_text(json.dumps(job))
            self.transport.push(scratch / _JOB, self.at(_JOB))
        return [self._python, self.at(WORKER.name), command, self.at(_JOB)]
