"""How long an emulated board would take: one inference profiled, its hot blocks timed, and the kernels they are of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.bench.board.executorch import profile_executorch
from edgebuild.bench.board.litert import profile_litert
from edgebuild.check.finding import Finding
from edgebuild.config.device import Device
from edgebuild.device.caches import SHARES
from edgebuild.device.linux_board import LinuxBoard
from edgebuild.device.qemu_profile import BlockProfile
from edgebuild.device.qemu_user import QemuUserTransport
from edgebuild.errors import ToolError
from edgebuild.estimate.arm.instruction_kind import Kind, counts_by_kind
from edgebuild.estimate.arm.latency import ALL_CORES, latency_figure
from edgebuild.estimate.arm.program_time import ProgramTime, kernel_times, time_program
from edgebuild.estimate.arm.schedule import MODELS, scheduler_version
from edgebuild.estimate.arm.terms import Cost, missing_fact
from edgebuild.figure import Figure

_PROFILE: Mapping[str, Callable[[QemuUserTransport, Device, Path, Mapping[str, np.ndarray]], BlockProfile]] = {
    "litert": profile_litert,
    "executorch": profile_executorch,
}


@dataclass(frozen=True)
class BoardEstimate:
    """What came out.

    Attributes:
        figures: `latency` with one thread, and `latency_all_cores`; missing where they cannot be estimated.
        findings: a note that says why they are missing.
        profile: instructions by kind, misses and the hottest kernels, as plain JSON values.
    """

    figures: tuple[Figure, ...]
    findings: tuple[Finding, ...]
    profile: dict[str, Any]


def estimate_time(
    transport: QemuUserTransport, device: Device, runtime: str, file: Path, samples: Mapping[str, np.ndarray]
) -> BoardEstimate:
    """Profile one inference and estimate its time; without LLVM the time is missing, with a note.

    Args:
        transport: of the board, prepared for the file.
        device: its file.
        runtime: `litert` or `executorch`.
        file: that the runtime runs.
        samples: as `run_litert` takes them; the first is run.

    Raises:
        DeviceError: the runtime there failed.
        ToolError: the profiler failed.
    """
    board = transport.board
    if board.cpu not in MODELS:
        return _missing(f"there is no model of the time of a {board.cpu}", f"it is there for {', '.join(MODELS)}")
    lacking = missing_fact(board)
    if lacking is not None:
        remedy = f"say `{lacking}:` under `options:` of devices/{device.name}.yaml"
        return _missing(f"the device file does not say its {lacking.replace('_', ' ')}", remedy)
    try:
        version = scheduler_version()
    except ToolError as error:
        return _missing(error.message, str(error.remedy))
    profile = _PROFILE[runtime](transport, device, file, samples)
    time = time_program(profile, board.cpu)
    kinds, cost = counts_by_kind(profile), Cost.of(time)
    figures = [latency_figure(cost, kinds, board, threads) for threads in sorted({1, board.cores})]
    return BoardEstimate(tuple(figures), (), _facts(profile, time, kinds, board, version))


def _missing(why: str, remedy: str) -> BoardEstimate:
    reason = f"not estimated: {why}; {remedy}"
    figures = tuple(Figure(name, None, "ms", "estimated", provenance=reason) for name in ("latency", ALL_CORES))
    return BoardEstimate(figures, (Finding("time-not-estimated", f"time is {reason}", severity="note"),), {})


def _facts(
    profile: BlockProfile, time: ProgramTime, kinds: Mapping[Kind, int], board: LinuxBoard, version: str
) -> dict[str, Any]:
    """The profile, as plain JSON values; `missed` are lines, in the order of `caches`."""
    assert board.caches is not None, "asked for before"
    last = board.caches.l3 or board.caches.l2
    return {
        "instructions": profile.instructions,
        "kinds": dict(kinds),
        "scheduler": f"llvm-mca {version}, {MODELS[time.core]}",
        "cycles": round(time.cycles),
        "caches": [board.caches.l1_data, *(last // share for share in SHARES)],
        "missed": list(time.missed),
        "kernels": [asdict(kernel) for kernel in kernel_times(time, profile)],
    }
