"""A .tflite file on a board that has Python and LiteRT: what is pushed, what is run, and what comes back."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.bench.board.edge_tpu import DELEGATE, is_compiled
from edgebuild.bench.board.edge_tpu import REMEDY as EDGE_TPU_REMEDY
from edgebuild.bench.board.run import (
    DEFAULT_SECONDS,
    EMPTY_MARKS,
    PROFILED_MARKS,
    PROFILED_RUNS,
    BoardRun,
    between_marks,
    require_success,
    run_and_count,
)
from edgebuild.config.device import Device
from edgebuild.device.connect import reach_of
from edgebuild.device.qemu_profile import BlockProfile
from edgebuild.device.qemu_user import QemuUserTransport
from edgebuild.device.transport import Transport
from edgebuild.runtime.litert_child import WORKER

_MODEL, _INPUTS, _OUTPUTS, _JOB = "model.tflite", "inputs.npz", "outputs.npz", "job.json"
_REMEDY = "see what the runtime there lacks: numpy, and ai-edge-litert or tflite-runtime, for its python3"


def prepare_litert(transport: Transport, file: Path) -> None:
    """Push what every run of the file needs.

    Raises:
        DeviceError: the device is gone or full.
    """
    transport.push(file, _MODEL)
    transport.push(WORKER, WORKER.name)


def run_litert(
    transport: Transport, device: Device, file: Path, samples: Mapping[str, np.ndarray], runs: int
) -> BoardRun:
    """Run a file on a device that is prepared for it, with one thread; one for an Edge TPU through its delegate.

    Args:
        transport: of the device, open.
        device: its file.
        file: the .tflite file.
        samples: input -> array [samples, ...], each sample exactly as the file wants it, in the file's order of inputs.
        runs: timed runs of the first sample, warm-up included.

    Raises:
        DeviceError: the device is gone, or the runtime there failed.
        ToolError: the counter of an emulated board failed.
    """
    python = reach_of(device).options.python or sys.executable
    compiled = is_compiled(file)
    with tempfile.TemporaryDirectory(prefix="edgebuild-board-") as scratch:
        folder = Path(scratch)
        _push_job(transport, samples, runs, folder, library=DELEGATE if compiled else None)
        completed, counts = run_and_count(transport, [python, WORKER.name, "board", _JOB], DEFAULT_SECONDS)
        told = json.loads(require_success(completed, file.name, EDGE_TPU_REMEDY if compiled else _REMEDY))
        transport.pull(_OUTPUTS, folder / _OUTPUTS)
        with np.load(folder / _OUTPUTS, allow_pickle=False) as pulled:
            outputs = {name: pulled[str(position)] for position, name in enumerate(told["outputs"])}
    return BoardRun(
        outputs,
        tuple(told["milliseconds"]),
        between_marks(counts, runs),
        told["load_ms"],
        told["peak_bytes"],
        told["outputs_sha256"],
    )


def profile_litert(
    transport: QemuUserTransport,
    device: Device,
    file: Path,
    samples: Mapping[str, np.ndarray],
    *,
    delegated: bool = True,
) -> BlockProfile:
    """Profile one inference of the first sample, after one that fills caches, on an emulated board that has the file.

    Args:
        transport: of the board, open.
        device: its file.
        file: the .tflite file.
        samples: as `run_litert` takes them.
        delegated: with the kernels of XNNPACK; else with the runtime's own.

    Raises:
        DeviceError: the runtime there failed.
        ToolError: the profiler failed.
    """
    python = reach_of(device).options.python or sys.executable
    first = {name: array[:1] for name, array in samples.items()}
    with tempfile.TemporaryDirectory(prefix="edgebuild-board-") as scratch:
        _push_job(transport, first, PROFILED_RUNS, Path(scratch), delegated=delegated)
    command = [python, WORKER.name, "board", _JOB]
    completed, profile = transport.run_profiled(command, DEFAULT_SECONDS, PROFILED_MARKS, EMPTY_MARKS)
    require_success(completed, file.name, _REMEDY)
    return profile


def _push_job(
    transport: Transport,
    samples: Mapping[str, np.ndarray],
    runs: int,
    folder: Path,
    *,
    delegated: bool = True,
    library: str | None = None,
) -> None:
    """Push what the script is to do with the file that is there; `folder` is for files in between."""
    job = {"file": _MODEL, "inputs": _INPUTS, "outputs": _OUTPUTS, "threads": 1, "runs": runs, "delegated": delegated}
    job |= {} if library is None else {"library": library}
    (folder / _JOB).write_text(json.dumps(job))
    arrays: dict[str, Any] = {str(position): array for position, array in enumerate(samples.values())}
    np.savez(folder / _INPUTS, **arrays)
    for name in (_JOB, _INPUTS):
        transport.push(folder / name, name)
