"""The benchmark on this host: several processes, pinned, warm-up dropped, a median with its interval.

What it measures is the host's and named so (`host_latency`, …); the device's own figures come from a device only.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.bench.exclusive import exclusive_host
from edgebuild.bench.host import busy_others, cpu_model, governor, host_state, turbo
from edgebuild.bench.measured import (
    largest_spread,
    latency_figures,
    measured_figure,
    steadiness_findings,
    without_warmup,
)
from edgebuild.bench.statistics import range_interval
from edgebuild.bench.warmup import WarmUp
from edgebuild.check.finding import Finding
from edgebuild.config.wording import threads_words
from edgebuild.errors import ConfigError, ToolError
from edgebuild.figure import Figure
from edgebuild.progress import ProgressSink, Silent
from edgebuild.runtime.session import OpTime, Runtime, TimedRun

MIN_RUNS = 20
MIN_PROCESSES = 2
PROCESS_SECONDS = 0.5
LEAST_RUNS, MOST_RUNS = 30, 5000
"""What `choose_runs` chooses from."""
BUSY_SHARE = 0.25
"""Processors kept busy by other programs, per processor of the host, above which a note says so."""


@dataclass(frozen=True)
class BenchSettings:
    """How to measure.

    Attributes:
        threads: of the runtime.
        runs: inferences per process, warm-up included; at least 20.
        processes: separate processes, so that what is drawn once per process is averaged; at least 2.
        cpus: processors to pin to; empty takes the last `threads` ones this process may use.
        seed: of the bootstrap.
        profile_runs: inferences of the per-op profile; 0 leaves it out.
    """

    threads: int = 1
    runs: int = 200
    processes: int = 5
    cpus: tuple[int, ...] = ()
    seed: int = 0
    profile_runs: int = 50


@dataclass(frozen=True)
class BenchResult:
    """What one file costs on this host.

    Attributes:
        figures: `host_latency`, `host_latency_p90`, `host_latency_p99` and `host_load_time` ms, `host_peak_memory` and
            `host_memory_over_idle` B.
        profile: per-op times, in file order.
        findings: what makes the figures doubtful.
        conditions: what the host was like and what was run, as plain JSON values.
        milliseconds: the kept runs of each process, in order.
    """

    figures: tuple[Figure, ...]
    profile: tuple[OpTime, ...]
    findings: tuple[Finding, ...]
    conditions: dict[str, Any]
    milliseconds: tuple[tuple[float, ...], ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def choose_runs(
    runtime: Runtime, file: Path, inputs: Mapping[str, Path], threads: int, seconds: float = PROCESS_SECONDS
) -> int:
    """How many inferences fill about `seconds` in one process, from a trial of `MIN_RUNS`; between 30 and 5000.

    A file of ten microseconds needs thousands of runs to be told from the clock's noise, one of a second few.

    Raises:
        ToolError: the runtime is not installed, or it failed.
    """
    cpus = tuple(sorted(os.sched_getaffinity(0))[-threads:])
    trial = runtime.time(file, inputs, threads, MIN_RUNS, cpus)
    median = float(np.median(trial.milliseconds)) / 1e3
    return int(min(MOST_RUNS, max(LEAST_RUNS, seconds / max(median, 1e-9))))


def measure(
    runtime: Runtime,
    file: Path,
    inputs: Mapping[str, Path],
    settings: BenchSettings,
    progress: ProgressSink | None = None,
) -> BenchResult:
    """Benchmark an exported file on this host.

    Args:
        runtime: what runs the file.
        file: the exported file.
        inputs: input name -> .npy file with one inference's input, exactly as the file wants it.
        settings: how often and where to run it.
        progress: where to report; nowhere by default.

    Raises:
        ConfigError: settings that cannot give an interval, or processors this process may not use.
        ToolError: the runtime is not installed, or it failed.
    """
    version = runtime.version()
    if version is None:
        msg = f"the runtime ({runtime.title}) is not installed"
        raise ToolError(msg, remedy=runtime.remedy)
    cpus = _check(settings)
    with exclusive_host():
        before, started = host_state(), time.monotonic()
        timed = _time_processes(runtime, file, inputs, settings, cpus, progress or Silent())
        others = busy_others(before, host_state(), time.monotonic() - started)
        ops = runtime.profile(file, inputs, settings.threads, settings.profile_runs) if settings.profile_runs else []
    kept, warmups = without_warmup(run.milliseconds for run in timed)
    conditions = {
        "cpu": cpu_model(),
        "cpus": list(cpus),
        "governor": governor(),
        "turbo": turbo(),
        "load_average": before.load_average,
        "busy_others": others,
        "relative_spread": largest_spread(kept),
        "warmup_runs": [warmup.runs for warmup in warmups],
        "runtime_version": version,
        "settings": asdict(settings),
        "outputs_sha256": sorted({run.outputs_sha256 for run in timed}),
    }
    return BenchResult(
        figures=_figures(timed, kept, settings.seed, _provenance(settings, cpus, runtime.title, version)),
        profile=tuple(ops),
        findings=tuple(_findings(timed, kept, warmups, others)),
        conditions=conditions,
        milliseconds=tuple(tuple(runs.tolist()) for runs in kept),
    )


def _time_processes(
    runtime: Runtime,
    file: Path,
    inputs: Mapping[str, Path],
    settings: BenchSettings,
    cpus: tuple[int, ...],
    progress: ProgressSink,
) -> list[TimedRun]:
    timed = []
    for number in range(settings.processes):
        progress.update(number / (settings.processes + 1), f"process {number + 1} of {settings.processes}")
        timed.append(runtime.time(file, inputs, settings.threads, settings.runs, cpus))
    progress.update(settings.processes / (settings.processes + 1), "profile")
    return timed


def _provenance(settings: BenchSettings, cpus: tuple[int, ...], title: str, version: str) -> str:
    threads = threads_words(settings.threads)
    return (
        f"host: {cpu_model()}, {threads} pinned to cpu {', '.join(map(str, cpus))}, "
        f"{settings.runs} runs in each of {settings.processes} processes, "
        f"runtime {title.rstrip('.')}, version {version}"
    )


def _check(settings: BenchSettings) -> tuple[int, ...]:
    if settings.runs < MIN_RUNS or settings.processes < MIN_PROCESSES:
        msg = (
            f"a benchmark of {settings.runs} runs in {settings.processes} processes has no interval; "
            f"it needs at least {MIN_RUNS} runs in {MIN_PROCESSES} processes"
        )
        raise ConfigError(msg)
    allowed = sorted(os.sched_getaffinity(0))
    cpus = tuple(settings.cpus) or tuple(allowed[-settings.threads :])
    foreign = [cpu for cpu in cpus if cpu not in allowed]
    if foreign or len(cpus) < settings.threads:
        msg = f"cannot pin {settings.threads} thread(s) to processors {list(cpus)}; this process may use {allowed}"
        raise ConfigError(msg, remedy="choose other processors or fewer threads")
    return cpus


def _figures(timed: Sequence[TimedRun], kept: Sequence[np.ndarray], seed: int, provenance: str) -> tuple[Figure, ...]:
    over_idle = [float(max(0, run.peak_bytes - run.idle_bytes)) for run in timed]
    load = range_interval([run.load_ms for run in timed])
    return (
        *latency_figures("host_latency", kept, provenance, seed),
        measured_figure("host_load_time", "ms", load, f"{provenance}; open to ready"),
        measured_figure(
            "host_peak_memory",
            "B",
            range_interval([float(run.peak_bytes) for run in timed]),
            f"{provenance}; resident memory of the whole process, runtime included",
        ),
        measured_figure(
            "host_memory_over_idle",
            "B",
            range_interval(over_idle),
            f"{provenance}; peak less what the process held before the file was opened",
        ),
    )


def _findings(
    timed: Sequence[TimedRun], kept: Sequence[np.ndarray], warmups: Sequence[WarmUp], others: float | None
) -> list[Finding]:
    found = []
    digests = {run.outputs_sha256 for run in timed}
    if len(digests) > 1:
        message = f"the same input gave {len(digests)} different outputs in {len(timed)} processes; expected one"
        found.append(Finding("benchmark-outputs-differ", message))
    found += steadiness_findings(kept, warmups)
    if others is not None and others > BUSY_SHARE * (os.cpu_count() or 1):
        message = f"other programs kept {others:.1f} of {os.cpu_count()} processors busy during the benchmark"
        found.append(Finding("busy-host", message, severity="note"))
    return found
