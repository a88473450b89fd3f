"""A .pte file on a board, run by the C++ runner that is pushed with its libraries: nothing is installed there."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from edgebuild.bench.board.run import DEFAULT_SECONDS, BoardRun, between_marks, require_success, run_and_count
from edgebuild.check.census.model import IoRecord
from edgebuild.config.device import Device
from edgebuild.config.registries import CENSUSES
from edgebuild.device.transport import Transport
from edgebuild.errors import DeviceError
from edgebuild.runtime.executorch_bundle import RUNNER, bundle_for

_BUNDLE, _MODEL, _OUTPUT = "executorch", "model.pte", "output.raw"
_REMEDY = "see what the message says; a board with Linux needs a C library of 2.28 or newer"


def run_executorch(
    transport: Transport, _device: Device, file: Path, samples: Mapping[str, np.ndarray], runs: int
) -> BoardRun:
    """Run a file on an open device, with one thread; arguments and errors as of `run_litert`."""
    outputs: Sequence[IoRecord] = CENSUSES.get("pte").read(file).outputs
    count = len(next(iter(samples.values())))
    rows = []
    with tempfile.TemporaryDirectory(prefix="edgebuild-board-") as scratch:
        _push_bundle(transport, Path(scratch))
        transport.push(file, _MODEL)
        for number in range(count):
            _push_inputs(transport, samples, number, Path(scratch))
            require_success(transport.run(_command(len(samples), 1), DEFAULT_SECONDS), file.name, _REMEDY)
            rows.append(_pull_output(transport, Path(scratch)))
        _push_inputs(transport, samples, 0, Path(scratch))
        completed, counts = run_and_count(transport, _command(len(samples), runs), DEFAULT_SECONDS)
        told = json.loads(require_success(completed, file.name, _REMEDY))
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


def _push_bundle(transport: Transport, scratch: Path) -> None:
    """Push the runner with its libraries, 14 MB, unless an earlier run on this connection did: it comes last."""
    try:
        transport.pull(f"{_BUNDLE}/{RUNNER}", scratch / RUNNER)
    except DeviceError:
        transport.push(bundle_for(transport.properties()), _BUNDLE)


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
