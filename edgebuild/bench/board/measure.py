"""A file on a device: outputs, and what an inference costs there: counted and estimated if emulated, else timed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from edgebuild.bench.board.compare import compare_with_host, host_outputs
from edgebuild.bench.board.corstone import is_ethos_u, run_on_model
from edgebuild.bench.board.estimate import estimate_time
from edgebuild.bench.board.executorch import prepare_executorch, run_executorch
from edgebuild.bench.board.litert import prepare_litert, run_litert
from edgebuild.bench.board.phones import require_phone
from edgebuild.bench.board.reference import compare, reference_of
from edgebuild.bench.board.run import BoardRun
from edgebuild.bench.board.state import state_findings
from edgebuild.bench.estimated import estimated_energy
from edgebuild.bench.power.measure import (
    Loop,
    energy_figure,
    energy_findings,
    measure_energy,
    open_power_meter,
    runs_for,
    settings_for,
)
from edgebuild.bench.statistics import Interval, median_interval, range_interval, relative_spread
from edgebuild.bench.warmup import find_warmup
from edgebuild.check.finding import Finding
from edgebuild.config.device import Device
from edgebuild.config.registries import RUNTIMES
from edgebuild.device.connect import connected
from edgebuild.device.lease import Lease
from edgebuild.device.qemu_user import QemuUserTransport
from edgebuild.device.transport import Transport
from edgebuild.errors import ConfigError, InternalError
from edgebuild.figure import Figure
from edgebuild.progress import ProgressSink, Silent

_BY_SUFFIX = {".tflite": "litert", ".pte": "executorch"}
_PREPARE = {"litert": prepare_litert, "executorch": prepare_executorch}
_RUN = {"litert": run_litert, "executorch": run_executorch}
TOSA = "tosa-reference"
EMULATED_RUNS, EMULATED_WARMUP = 12, 4
"""Counts settle after the first few runs, when the runtime and its Python have made what they keep."""
NOISY_SPREAD = 0.05


@dataclass(frozen=True)
class BoardSettings:
    """How to measure on a device that is not emulated.

    Attributes:
        runs: inferences per process, warm-up included; at least 20.
        processes: separate processes; at least 2.
        seed: of the bootstrap.
    """

    runs: int = 200
    processes: int = 3
    seed: int = 0


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
        profile: what the time of an emulated board is estimated from, and its hottest kernels; empty on a real board.
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


def runtime_of(file: Path) -> str:
    """The runtime that runs a file here and on devices.

    Raises:
        ConfigError: there is none for its suffix.
    """
    if file.suffix not in _BY_SUFFIX:
        msg = f"{file.name} cannot be run on a device: expected a file that ends in {' or '.join(_BY_SUFFIX)}"
        raise ConfigError(msg)
    return _BY_SUFFIX[file.suffix]


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
    """Run `file` on `device` with one thread, and compare its outputs with this host's.

    One that was compiled for an Edge TPU is compared with the file beside it that it was compiled from; one for an
    Ethos-U with the TOSA reference model; one for a phone's GPU or NPU with the graph beside it, run by PyTorch.

    Args:
        device: its file.
        file: a .tflite or .pte file.
        samples: input -> array [samples, ...], each sample as the file wants it, inputs in the file's order.
        settings: for a device that is not emulated.
        wait: seconds to wait for another holder of the device.
        lease: one that the caller has already.
        progress: where to report; nowhere by default.

    Raises:
        DeviceError: the device is busy, gone or wrong, or its runtime failed.
        ToolError: something this machine needs for it is missing.
    """
    if is_ethos_u(file):
        return _on_corstone(device, file, samples, wait=wait, lease=lease)
    asked, told = settings or BoardSettings(), progress or Silent()
    runtime = runtime_of(file)
    require_phone(device, file)
    reference = reference_of(file, runtime, samples)
    with connected(device, wait=wait, lease=lease) as transport:
        before = transport.properties()
        emulated = before.get("emulated") == "true"
        counts = (EMULATED_RUNS, 1) if emulated else (asked.runs, asked.processes)
        processes, states = _run_processes(transport, device, file, samples, counts, told)
        if isinstance(transport, QemuUserTransport):
            told.update(0.5, f"{device.name}: profile")
            cost = _estimated(transport, device, file, samples, _counted(processes, before))
        else:
            timed, doubts = _timed(processes, before, states, asked.seed)
            energy, found = _metered(transport, device, file, samples, processes, told)
            energy = energy or estimated_energy(device, timed[0])
            cost = _Cost([*timed, *energy], [*doubts, *found], {})
    figures, findings = compare(reference, device.name, before, processes[0].outputs)
    if len({run.outputs_sha256 for run in processes}) > 1:
        message = f"the same input gave different outputs in {len(processes)} processes on {device.name}"
        findings.append(Finding("device-outputs-vary", message))
    conditions = {"before": before, "during": states[:-1], "after": states[-1]}
    return BoardBench(
        (*cost.figures, *figures),
        (*findings, *cost.findings),
        {**conditions, "runs": counts[0], "processes": counts[1], "threads": 1},
        () if emulated else tuple(run.milliseconds for run in processes),
        tuple(run.instructions for run in processes) if emulated else (),
        cost.profile,
        processes[0].outputs,
    )


class _Cost(NamedTuple):
    """What inferences cost: figures, what is doubtful, and the profile that a time was estimated from."""

    figures: Sequence[Figure]
    findings: Sequence[Finding]
    profile: dict[str, Any]


def _estimated(
    transport: QemuUserTransport,
    device: Device,
    file: Path,
    samples: Mapping[str, np.ndarray],
    counted: Sequence[Figure],
) -> _Cost:
    """Instructions as they were counted, and time and energy estimated from a profile of one more inference."""
    estimate = estimate_time(transport, device, runtime_of(file), file, samples)
    latency = estimate.figures[0]
    energy = [] if latency.missing else estimated_energy(device, latency)
    return _Cost([*counted, *estimate.figures, *energy], estimate.findings, estimate.profile)


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


def _run_processes(
    transport: Transport,
    device: Device,
    file: Path,
    samples: Mapping[str, np.ndarray],
    counts: tuple[int, int],
    progress: ProgressSink,
) -> tuple[list[BoardRun], list[dict[str, str]]]:
    """Every process runs all samples, so that what is timed is what was compared; what the device said after each.

    It is not asked while a process runs: that would take time from what is measured.
    """
    runs, processes = counts
    done, states = [], []
    _PREPARE[runtime_of(file)](transport, file)
    for number in range(processes):
        progress.update(number / processes, f"{device.name}: process {number + 1} of {processes}")
        done.append(_RUN[runtime_of(file)](transport, device, file, samples, runs))
        states.append(transport.properties())
    return done, states


def _metered(
    transport: Transport,
    device: Device,
    file: Path,
    samples: Mapping[str, np.ndarray],
    processes: Sequence[BoardRun],
    progress: ProgressSink,
) -> tuple[list[Figure], list[Finding]]:
    """Energy of an inference by the meter that the device file names; nothing where it names none."""
    meter = open_power_meter(device.power, transport) if device.power is not None else None
    if meter is None or device.power is None:
        return [], []
    settings = settings_for(meter)
    runs = runs_for(median(processes[0].milliseconds), settings)
    first = {name: array[:1] for name, array in samples.items()}

    def work() -> Loop:
        run = _RUN[runtime_of(file)](transport, device, file, first, runs)
        return Loop(runs, sum(run.milliseconds) / 1000)

    progress.update(1.0, f"{device.name}: energy of {runs} inferences")
    energy, loop = measure_energy(meter, work, settings)
    figure = energy_figure(energy, loop, str(device.power.meter), device.name, meter.capabilities().source)
    return [figure], energy_findings(energy)


def _counted(processes: Sequence[BoardRun], told: Mapping[str, str]) -> list[Figure]:
    kept = processes[0].instructions[EMULATED_WARMUP:]
    if not kept:
        msg = "an emulated board that counted nothing"
        raise InternalError(msg)
    provenance = (
        f"counted over {len(kept)} runs on an emulated {told['cpu']}, 1 thread: QEMU {told['qemu']}; "
        "the call of the runtime included"
    )
    return [
        Figure("instructions", median(kept), "instructions", "emulated", min(kept), max(kept), provenance=provenance)
    ]


def _timed(
    processes: Sequence[BoardRun], before: Mapping[str, str], states: Sequence[Mapping[str, str]], seed: int
) -> tuple[list[Figure], list[Finding]]:
    raw = [np.asarray(run.milliseconds) for run in processes]
    warmups = [find_warmup(runs) for runs in raw]
    kept = [runs[warmup.runs :] for runs, warmup in zip(raw, warmups, strict=True)]
    where = f"{before.get('board', before['cpu'])}, 1 thread, {len(raw[0])} runs in each of {len(raw)} processes"
    figures = [
        _measured("latency", "ms", median_interval(kept, seed=seed), f"{where}; median, warm-up dropped"),
        _measured("load_time", "ms", range_interval([run.load_ms for run in processes]), f"{where}; open to ready"),
        _measured(
            "peak_memory",
            "B",
            range_interval([float(run.peak_bytes) for run in processes]),
            f"{where}; resident memory of the whole process, the runtime included",
        ),
    ]
    findings = state_findings(before, states)
    spread = max(relative_spread(runs) for runs in kept)
    if spread > NOISY_SPREAD:
        message = f"run times spread by {spread:.1%} of their median; up to {NOISY_SPREAD:.0%} is steady"
        findings.append(Finding("noisy-benchmark", message, severity="note"))
    if not all(warmup.stable for warmup in warmups):
        message = "a process did not become stable in half of its runs"
        findings.append(Finding("unstable-benchmark", message, severity="note"))
    return figures, findings


def _measured(name: str, unit: str, interval: Interval, provenance: str) -> Figure:
    return Figure(name, interval.value, unit, "measured", interval.low, interval.high, interval.confidence, provenance)
