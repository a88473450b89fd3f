"""A file on a device: outputs, and what an inference costs there: counted and estimated if emulated, else timed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.bench.board.compare import compare_with_host, host_outputs, promises_equal_outputs
from edgebuild.bench.board.corstone import is_ethos_u, run_on_model
from edgebuild.bench.board.counted import count
from edgebuild.bench.board.edge_tpu import is_compiled, source_of
from edgebuild.bench.board.place import place, runtime_of
from edgebuild.bench.board.settings import BoardSettings
from edgebuild.bench.board.timed import time_processes
from edgebuild.check.finding import Finding
from edgebuild.config.device import Device
from edgebuild.config.registries import RUNTIMES
from edgebuild.device.connect import connected
from edgebuild.device.lease import Lease
from edgebuild.errors import ConfigError
from edgebuild.figure import Figure
from edgebuild.progress import ProgressSink, Silent

TOSA = "tosa-reference"


@dataclass(frozen=True)
class BoardBench:
    """What came out.

    Attributes:
        figures: `instructions` and estimated `latency` of an emulated board; `latency`, `load_time`, `peak_memory` of a
            real one; `device_equal_outputs` of both.
        findings: what is wrong or doubtful.
        conditions: what the device said of itself before, between processes and after, and how it was measured.
        milliseconds: raw times of each process, warm-up included; empty where they mean nothing.
        instructions: raw counts of each process, warm-up included; empty on a real board.
        profile: what the time of an emulated board is estimated from, and its hottest kernels; of a real one the time
            of each operation, empty where that was not asked for or cannot be had.
        outputs: of every sample.
    """

    figures: tuple[Figure, ...]
    findings: tuple[Finding, ...]
    conditions: dict[str, Any]
    milliseconds: tuple[tuple[float, ...], ...]
    instructions: tuple[tuple[int, ...], ...]
    profile: dict[str, Any]
    outputs: dict[str, np.ndarray]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, without the outputs."""
        raw = asdict(self)
        del raw["outputs"]
        return raw


def measure_on_device(
    device: Device,
    file: Path,
    samples: Mapping[str, np.ndarray],
    settings: BoardSettings | None = None,
    *,
    wait: float = 0.0,
    lease: Lease | None = None,
    progress: ProgressSink | None = None,
) -> BoardBench:
    """Run `file` on `device`, and compare its outputs with this host's.

    One that was compiled for an Edge TPU is compared with the file beside it that it was compiled from; one for an
    Ethos-U with the TOSA reference model.

    Args:
        device: its file.
        file: a .tflite or .pte file.
        samples: input -> array [samples, ...], each sample as the file wants it, inputs in the file's order.
        settings: for a device that is not emulated; that one has one thread and its own number of runs.
        wait: seconds to wait for another holder of the device.
        lease: one that the caller has already.
        progress: where to report; nowhere by default.

    Raises:
        ConfigError: the device has no such cores, or fewer than threads.
        DeviceError: the device is busy, gone or wrong, or its runtime failed.
        ToolError: something this machine needs for it is missing.
    """
    runtime, asked, told = runtime_of(file), settings or BoardSettings(), progress or Silent()
    if is_ethos_u(file):
        asked.placement(device, {"emulated": "true"})
        return _on_corstone(device, file, samples, wait=wait, lease=lease)
    known = source_of(file) if is_compiled(file) else file
    here = host_outputs(runtime, known, samples) if known is not None else {}
    with connected(device, wait=wait, lease=lease) as transport:
        before = transport.properties()
        placement = asked.placement(device, before)
        board = place(transport, device, file, samples, placement)
        emulated = before.get("emulated") == "true"
        if emulated:
            cost = count(board, before, told)
        else:
            cost = time_processes(board, before, asked, told)
    there = cost.processes[0].outputs
    figures, findings = _compared((device.name, before), file, known, here, there)
    if len({run.outputs_sha256 for run in cost.processes}) > 1:
        message = f"the same input gave different outputs in {len(cost.processes)} processes on {device.name}"
        findings.append(Finding("device-outputs-vary", message))
    return BoardBench(
        (*cost.figures, *figures),
        (*findings, *cost.findings),
        {"before": before, **cost.conditions},
        () if emulated else tuple(run.milliseconds for run in cost.processes),
        tuple(run.instructions for run in cost.processes) if emulated else (),
        cost.profile,
        there,
    )


def _compared(
    told: tuple[str, Mapping[str, str]],
    file: Path,
    known: Path | None,
    here: Mapping[str, np.ndarray],
    there: Mapping[str, np.ndarray],
) -> tuple[list[Figure], list[Finding]]:
    """The outputs of a device (its name, what it said of itself) against those of `known`.

    That is the file which this host ran in the place of `file`.
    """
    runtime, (name, properties) = runtime_of(file), told
    names = (f"{runtime} {RUNTIMES.get(runtime).version()} on this host", name)
    # The runtime of 32-bit boards is an older one with other kernels.
    narrow = properties["architecture"] in ("armv7l", "armv6l")
    exact = known == file and not narrow and promises_equal_outputs(file)
    figures, findings = compare_with_host(here, there, names, exact=exact)
    if known is None:
        message = f"{file.name} runs on an Edge TPU only, and the file it was compiled from is not beside it"
        findings.append(Finding("device-not-compared", message, severity="note"))
    return figures, findings


def _on_corstone(
    device: Device, file: Path, samples: Mapping[str, np.ndarray], *, wait: float, lease: Lease | None
) -> BoardBench:
    """Outputs only: the model is no clock."""
    if device.transport != "corstone":
        msg = f"{file.name} is for an Ethos-U beside a microcontroller; device {device.name!r} is none"
        raise ConfigError(msg, remedy="use a device with transport: corstone, which is Arm's model of one")
    here = host_outputs(TOSA, file, samples)
    with connected(device, wait=wait, lease=lease) as transport:
        told = transport.properties()
        there = run_on_model(transport, file, samples)
    names = (f"{TOSA} {RUNTIMES.get(TOSA).version()}", device.name)
    figures, findings = compare_with_host(here, there, names, exact=True)
    return BoardBench(tuple(figures), tuple(findings), {"before": told, "runs": 1, "processes": 1}, (), (), {}, there)
