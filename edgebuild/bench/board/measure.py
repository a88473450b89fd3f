"""A file on a device: outputs, and what an inference costs there: counted and estimated if emulated, else timed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.bench.board.compare import compare_with_host, host_outputs
from edgebuild.bench.board.corstone import is_ethos_u, run_on_model
from edgebuild.bench.board.cost import Cost
from edgebuild.bench.board.counted import count
from edgebuild.bench.board.phones import require_phone
from edgebuild.bench.board.place import place, runtime_of
from edgebuild.bench.board.reference import Reference, compare, reference_of
from edgebuild.bench.board.settings import BoardSettings
from edgebuild.bench.board.state import State
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
        figures: `instructions` and estimated `latency` of an emulated board; `latency`, `latency_p90`, `latency_p99`,
            `load_time`, `peak_memory` of a real one; `device_equal_outputs` of both.
        findings: what is wrong or doubtful.
        conditions: what the device said of itself before, between processes and after, and how it was measured.
        milliseconds: raw times of each process, warm-up included; empty where they mean nothing.
        slowed: for each of these, why its times are those of a device that was slowed down; empty for one that was not.
        set_aside: processes that were run again because the device was slowed down: `number` in the order in which
            processes ran, `milliseconds`, and `slowed`, why.
        instructions: raw counts of each process, warm-up included; empty on a real board.
        profile: what the time of an emulated board is estimated from, and its hottest kernels; of a real one the time
            of each operation, empty where that was not asked for or cannot be had.
        outputs: of every sample.
    """

    figures: tuple[Figure, ...]
    findings: tuple[Finding, ...]
    conditions: dict[str, Any]
    milliseconds: tuple[tuple[float, ...], ...]
    slowed: tuple[tuple[str, ...], ...]
    set_aside: tuple[dict[str, Any], ...]
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
    Ethos-U with the TOSA reference model; one for a phone's GPU or NPU with the graph beside it, run by PyTorch.

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
    asked, told = settings or BoardSettings(), progress or Silent()
    if is_ethos_u(file):
        asked.placement(device, {"emulated": "true"})
        return _on_corstone(device, file, samples, wait=wait, lease=lease)
    require_phone(device, file)
    reference = reference_of(file, runtime_of(file), samples)
    with connected(device, wait=wait, lease=lease) as transport:
        before = transport.properties()
        board = place(transport, device, file, samples, asked.placement(device, before))
        if before.get("emulated") == "true":
            cost = count(board, before, told)
        else:
            cost = time_processes(board, before, asked, told)
    return bench_of(reference, device, before, cost)


def bench_of(reference: Reference, device: Device, before: State, cost: Cost) -> BoardBench:
    """What came out for a file: its cost on a device that said `before` of itself, and how its outputs compare."""
    there = cost.processes[0].outputs
    figures, findings = compare(reference, device.name, before, there)
    if len({run.outputs_sha256 for run in cost.processes}) > 1:
        message = f"the same input gave different outputs in {len(cost.processes)} processes on {device.name}"
        findings.append(Finding("device-outputs-vary", message))
    emulated = before.get("emulated") == "true"
    return BoardBench(
        figures=(*cost.figures, *figures),
        findings=(*findings, *cost.findings),
        conditions={"before": before, **cost.conditions},
        milliseconds=() if emulated else tuple(run.milliseconds for run in cost.processes),
        slowed=tuple(tuple(reasons) for reasons in cost.slowed),
        set_aside=tuple(cost.set_aside),
        instructions=tuple(run.instructions for run in cost.processes) if emulated else (),
        profile=cost.profile,
        outputs=there,
    )


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
    conditions = {"before": told, "runs": 1, "processes": 1}
    return BoardBench(tuple(figures), tuple(findings), conditions, (), (), (), (), {}, there)
