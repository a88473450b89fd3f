"""A .pte file on a board, run by the C++ runner that is pushed with its libraries: nothing is installed there."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from edgebuild.bench.board.phones import phone_remedy
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
from edgebuild.check.census.model import IoRecord
from edgebuild.config.device import Device
from edgebuild.config.registries import CENSUSES
from edgebuild.device.qemu_profile import BlockProfile
from edgebuild.device.qemu_user import QemuUserTransport
from edgebuild.device.transport import Transport
from edgebuild.runtime.executorch_bundle import RUNNER, bundle_for

_BUNDLE, _MODEL, _OUTPUT = "executorch", "model.pte", "output.raw"
_REMEDY = "see what the message says; a board with Linux needs a C library of 2.28 or newer"


def prepare_executorch(transport: Transport, file: Path) -> None:
    """Push what every run of the file needs; errors as of `run_litert`."""
    transport.push(bundle_for(transport.properties()), _BUNDLE)
    transport.push(file, _MODEL)


def run_executorch(
    transport: Transport, _device: Device, file: Path, samples: Mapping[str, np.ndarray], runs: int
) -> BoardRun:
    """Run a file on a device that is prepared for it, with one thread; arguments and errors as of `run_litert`."""
    outputs: Sequence[IoRecord] = CENSUSES.get("pte").read(file).outputs
    count = len(next(iter(samples.values())))
    remedy = phone_remedy(file) or _REMEDY
    rows = []
    with tempfile.TemporaryDirectory(prefix="edgebuild-board-") as scratch:
        for number in range(count):
            _push_inputs(transport, samples, number, Path(scratch))
            require_success(transport.run(_command(len(samples), 1), DEFAULT_SECONDS), file.name, remedy)
            rows.append(_pull_output(transport, Path(scratch)))
        _push_inputs(transport, samples, 0, Path(scratch))
        completed, counts = run_and_count(transport, _command(len(samples), runs), DEFAULT_SECONDS)
        told = json.loads(require_success(completed, file.name, remedy))
        last = _pull_output(transport, Path(scratch))
    split = [_split(row, outputs) for row in rows]
    return BoardRun(
        {spec.name: np.stack([one[spec.name] for one in split]) for spec in outputs},
        tuple(told["milliseconds"]),
        between_marks(counts, runs),
        told["load_ms"],
        told["peak_bytes"],
        hashlib.sha256(last).hexdigest(),
    )


def profile_executorch(
    transport: QemuUserTransport, _device: Device, file: Path, samples: Mapping[str, np.ndarray]
) -> BlockProfile:
    """Profile one inference of the first sample; arguments and errors as of `profile_litert`."""
    with tempfile.TemporaryDirectory(prefix="edgebuild-board-") as scratch:
        _push_inputs(transport, samples, 0, Path(scratch))
    command = _command(len(samples), PROFILED_RUNS)
    completed, profile = transport.run_profiled(command, DEFAULT_SECONDS, PROFILED_MARKS, EMPTY_MARKS)
    require_success(completed, file.name, _REMEDY)
    return profile


def _command(inputs: int, runs: int) -> list[str]:
    """The command `time` of the runner (its source says the arguments): one thread, pinned nowhere, no trace."""
    names = [f"input{position}.raw" for position in range(inputs)]
    return [f"./{_BUNDLE}/{RUNNER}", "time", _MODEL, "1", "-", str(runs), _OUTPUT, "-", *names]


def _push_inputs(transport: Transport, samples: Mapping[str, np.ndarray], number: int, scratch: Path) -> None:
    for position, array in enumerate(samples.values()):
        file = scratch / f"input{position}.raw"
        np.ascontiguousarray(array[number]).tofile(file)
        transport.push(file, file.name)


def _pull_output(transport: Transport, scratch: Path) -> bytes:
    transport.pull(_OUTPUT, scratch / _OUTPUT)
    return (scratch / _OUTPUT).read_bytes()


def _split(raw: bytes, outputs: Sequence[IoRecord]) -> dict[str, np.ndarray]:
    """The outputs, which lie one after the other."""
    found, position = {}, 0
    for spec in outputs:
        array = np.frombuffer(raw, np.dtype(spec.dtype), int(np.prod(spec.shape)), position)
        found[spec.name] = array.reshape(spec.shape)
        position += array.nbytes
    return found
