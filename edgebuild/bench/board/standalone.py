"""Any exported file on any device, without a project: what `edgebuild bench` does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.bench.board.calibrated import correct_figures
from edgebuild.bench.board.measure import BoardBench, measure_on_device
from edgebuild.bench.board.place import runtime_of
from edgebuild.bench.board.settings import BoardSettings
from edgebuild.bench.estimated import estimated_energy, estimated_latency
from edgebuild.bench.firmware.standalone import random_samples, read_samples
from edgebuild.config.device import Device
from edgebuild.config.registries import CENSUSES
from edgebuild.device.inventory import lease_of
from edgebuild.errors import ConfigError
from edgebuild.export.c.header import Port
from edgebuild.output_file import write_output
from edgebuild.progress import ProgressSink

SCHEMA_VERSION = 1
"""Raise it when a reader of the record must change."""


def bench_file(
    file: Path,
    device: Device,
    inputs: Sequence[Path],
    settings: BoardSettings,
    *,
    wait: float = 0.0,
    token: int | None = None,
    progress: ProgressSink | None = None,
) -> dict[str, Any]:
    """Run `file` on `device` and compare its outputs with this host's; the record, as plain JSON values.

    Args:
        file: a .tflite or .pte, ours or anybody's.
        device: its file.
        inputs: a .npy per input in the file's order, one or more samples as the file wants them; random where empty.
        settings: for a device that is not emulated.
        wait: seconds to wait for another holder of the device.
        token: of a lease that was taken before.
        progress: where to report.

    Raises:
        ConfigError: the file is none of these, or an input does not fit it.
        DeviceError: the device is busy, gone or wrong, or its runtime failed.
        ToolError: something this machine needs for it is missing.
    """
    require_runnable(file, device)
    samples = samples_for(file, inputs)
    bench = measure_on_device(
        device, file, samples, settings, wait=wait, lease=lease_of(device, token), progress=progress
    )
    return record_of(file, device, samples, bench)


def require_runnable(file: Path, device: Device) -> None:
    """See that there is such a file, and that a device of this kind runs such files.

    Raises:
        ConfigError: it does not.
    """
    _require_file(file)
    if device.transport == "qemu-system":
        msg = f"{file.name} cannot run on device {device.name!r}: a microcontroller has no runtime for files"
        raise ConfigError(msg, remedy="compile it for that core: edgebuild compile --run")


def _require_file(file: Path) -> None:
    if not file.is_file():
        msg = f"{file}: no such file"
        raise ConfigError(msg)
    runtime_of(file)


def _heading(file: Path, device: Device) -> dict[str, Any]:
    """What every record of a file begins with."""
    return {
        "schema_version": SCHEMA_VERSION,
        "file": file.name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "device": device.name,
        "transport": device.transport,
        "runtime": runtime_of(file),
    }


def record_of(file: Path, device: Device, samples: Mapping[str, np.ndarray], bench: BoardBench) -> dict[str, Any]:
    """The record of a file, as plain JSON values."""
    return {
        **_heading(file, device),
        "samples": len(next(iter(samples.values()))),
        "outputs_sha256": {name: _digest(array) for name, array in bench.outputs.items()},
        **bench.to_json(),
        "figures": [figure.to_json() for figure in correct_figures(device, bench.figures, bench.profile)],
    }


def estimate_file(file: Path, device: Device, threads: int | None = None) -> dict[str, Any]:
    """The record of `bench_file` without a run: what the device's calibration says of `file` with so many threads.

    Raises:
        ConfigError: the device has no calibration, or a file is wrong.
    """
    _require_file(file)
    latency = estimated_latency(device, file, threads=threads)
    return {
        **_heading(file, device),
        "samples": 0,
        "outputs_sha256": {},
        "figures": [figure.to_json() for figure in (latency, *estimated_energy(device, latency))],
        "findings": [],
        "conditions": {},
        "milliseconds": [],
        "slowed": [],
        "set_aside": [],
        "instructions": [],
    }


def samples_for(file: Path, inputs: Sequence[Path] = ()) -> dict[str, np.ndarray]:
    """Input -> array [samples, ...] that `file` can be run on: of the files `inputs`, random where there are none.

    Raises:
        ConfigError: the file wants several at a time, or an input does not fit it.
    """
    census = CENSUSES.get(file.suffix.removeprefix(".")).read(file)
    ports = [Port(spec.name, tuple(spec.shape), spec.dtype, None, None, 0, 0) for spec in census.inputs]
    _require_one_at_a_time(file, ports)
    given = read_samples(ports, inputs) if inputs else random_samples(ports)
    return {name: array[:, None] for name, array in given.items()}


def _require_one_at_a_time(file: Path, ports: Sequence[Port]) -> None:
    large = [port for port in ports if not port.shape or port.shape[0] != 1]
    if large:
        msg = f"{file.name}: input {large[0].name!r} has the shape {list(large[0].shape)}, expected a batch of 1"
        raise ConfigError(msg, remedy="export the model with a batch of 1, which is what a device runs")


def _digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def save_record(record: dict[str, Any], file: Path) -> None:
    """Write the record with every raw sample.

    Raises:
        ConfigError: the file cannot be written.
        ToolError: the disk is full.
    """
    write_output(file, json.dumps(record, indent=1, sort_keys=True) + "\n")
