"""A file on a device: outputs, and what an inference costs there — counted where the board is emulated, else timed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from edgebuild.bench.board.compare import compare_with_host, host_outputs, promises_equal_outputs
from edgebuild.bench.board.executorch import run_executorch
from edgebuild.bench.board.litert import run_litert
from edgebuild.bench.board.run import BoardRun
from edgebuild.bench.board.state import state_findings
from edgebuild.bench.statistics import Interval, median_interval, range_interval, relative_spread
from edgebuild.bench.warmup import find_warmup
from edgebuild.check.finding import Finding
from edgebuild.config.device import Device
from edgebuild.config.registries import RUNTIMES
from edgebuild.device.connect import connected
from edgebuild.device.lease import Lease
from edgebuild.device.transport import Transport
from edgebuild.errors import ConfigError, InternalError
from edgebuild.figure import Figure
from edgebuild.progress import ProgressSink, Silent

_BY_SUFFIX = {".tflite": "litert", ".pte": "executorch"}
_RUN = {"litert": run_litert, "executorch": run_executorch}
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
        figures: `instructions` of an emulated board; `latency`, `load_time`, `peak_memory` of a real one;
            `device_equal_outputs` of both.
        findings: what is wrong or doubtful.
        conditions: what the device said of itself before, between processes and after, and how it was measured.
        milliseconds: raw times of each process, warm-up included; empty where they mean nothing.
        instructions: raw counts of each process, warm-up included; empty on a real board.
        outputs: of every sample.
    """

    figures: tuple[Figure, ...]
    findings: tuple[Finding, ...]
    conditions: dict[str, Any]
    milliseconds: tuple[tuple[float, ...], ...]
    instructions: tuple[tuple[int, ...], ...]
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
    asked, told = settings or BoardSettings(), progress or Silent()
    runtime = runtime_of(file)
    here = host_outputs(runtime, file, samples)
    with connected(device, wait=wait, lease=lease) as transport:
        before = transport.properties()
        emulated = before.get("emulated") == "true"
        counts = (EMULATED_RUNS, 1) if emulated else (asked.runs, asked.processes)
        processes, states = _run_processes(transport, device, file, samples, counts, told)
    names = (f"{runtime} {RUNTIMES.get(runtime).version()} on this host", device.name)
    # The runtime of 32-bit boards is an older one with other kernels.
    exact = before["architecture"] not in ("armv7l", "armv6l") and promises_equal_outputs(file)
    figures, findings = compare_with_host(here, processes[0].outputs, names, exact=exact)
    if len({run.outputs_sha256 for run in processes}) > 1:
        message = f"the same input gave different outputs in {len(processes)} processes on {device.name}"
        findings.append(Finding("device-outputs-vary", message))
    if emulated:
        figures = [*_counted(processes, before), *figures]
    else:
        timed, doubts = _timed(processes, before, states, asked.seed)
        figures, findings = [*timed, *figures], [*findings, *doubts]
    return BoardBench(
        tuple(figures),
        tuple(findings),
        {
            "before": before,
            "during": states[:-1],
            "after": states[-1],
            "runs": counts[0],
            "processes": counts[1],
            "threads": 1,
        },
        () if emulated else tuple(run.milliseconds for run in processes),
        tuple(run.instructions for run in processes) if emulated else (),
        processes[0].outputs,
    )


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
    for number in range(processes):
        progress.update(number / processes, f"{device.name}: process {number + 1} of {processes}")
        done.append(_RUN[runtime_of(file)](transport, device, file, samples, runs))
        states.append(transport.properties())
    return done, states


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
