"""How long an emulated board would take: one inference profiled, its hot blocks timed, and the kernels they are of."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from edgebuild.bench.board.on_board import FileOnBoard
from edgebuild.check.finding import Finding
from edgebuild.device.caches import SHARES
from edgebuild.device.linux_board import LinuxBoard
from edgebuild.device.qemu_profile import BlockProfile
from edgebuild.errors import ToolError
from edgebuild.estimate.arm.instruction_kind import Kind, counts_by_kind
from edgebuild.estimate.arm.latency import ALL_CORES, latency_figure
from edgebuild.estimate.arm.program_time import ProgramTime, kernel_times, time_program
from edgebuild.estimate.arm.schedule import MODELS, scheduler_version
from edgebuild.estimate.arm.terms import Cost, missing_fact
from edgebuild.figure import Figure


@dataclass(frozen=True)
class BoardEstimate:
    """What came out.

    Attributes:
        figures: the time with each number of threads, fewest first: `latency` with one thread, `latency_all_cores` with
            more; missing where they cannot be estimated.
        findings: a note that says why they are missing.
        profile: instructions by kind, misses and the hottest kernels, as plain JSON values.
    """

    figures: tuple[Figure, ...]
    findings: tuple[Finding, ...]
    profile: dict[str, Any]


def estimate_time(placed: FileOnBoard, threads: Collection[int] = ()) -> BoardEstimate:
    """Profile one inference of a file on an emulated board and estimate its time.

    The numbers of threads are `threads`, or one and as many as there are cores. Without LLVM the time is missing, with
    a note.

    Raises:
        DeviceError: the runtime there failed.
        ToolError: the profiler failed.
    """
    board = placed.emulated.board
    if board.cpu not in MODELS:
        return _missing(f"there is no model of the time of a {board.cpu}", f"it is there for {', '.join(MODELS)}")
    lacking = missing_fact(board)
    if lacking is not None:
        remedy = f"say `{lacking}:` under `options:` of devices/{placed.device.name}.yaml"
        return _missing(f"the device file does not say its {lacking.replace('_', ' ')}", remedy)
    try:
        version = scheduler_version()
    except ToolError as error:
        return _missing(error.message, str(error.remedy))
    profile = placed.profile()
    time = time_program(profile, board.cpu)
    kinds, cost = counts_by_kind(profile), Cost.of(time)
    figures = [latency_figure(cost, kinds, board, count) for count in sorted(threads or {1, board.cores})]
    if placed.runtime == "executorch":
        figures = [_without_rows(figure) for figure in figures]
    return BoardEstimate(tuple(figures), (), _facts(profile, time, kinds, board, version))


def _without_rows(figure: Figure) -> Figure:
    """The same interval, of which nobody can say how often it holds: no published time is of that runtime."""
    about = f"{figure.provenance}; all of them are of TFLite, whose kernels ExecuTorch has too"
    return replace(figure, confidence=None, provenance=about)


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
