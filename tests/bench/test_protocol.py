"""The protocol on real processes: pinned, repeated, warm-up dropped, and honest about what it saw."""

import fcntl
import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgebuild.bench.exclusive import exclusive_host
from edgebuild.bench.host import busy_others, host_facts, host_state
from edgebuild.bench.missing import missing_device_figures
from edgebuild.bench.protocol import LEAST_RUNS, MOST_RUNS, BenchSettings, choose_runs, measure
from edgebuild.device.lease import lease_folder
from edgebuild.errors import ConfigError, ToolError
from edgebuild.runtime.session import OpTime, Runtime, TimedRun

CHILD = Path(__file__).with_name("child.py")
QUICK = BenchSettings(runs=100, processes=3)


def _time(file: Path, inputs: Mapping[str, Path], threads: int, runs: int, cpus: tuple[int, ...]) -> TimedRun:
    assert threads == 1
    argv = [sys.executable, str(CHILD), str(file), str(inputs["x"]), str(runs), str(cpus[0])]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env=environment)
    milliseconds, load_ms, peak, idle, digest = json.loads(done.stdout)
    return TimedRun(tuple(milliseconds), load_ms, peak, idle, digest)


def _profile(file: Path, inputs: Mapping[str, Path], threads: int, runs: int) -> list[OpTime]:
    return [OpTime("MATMUL", "layer", 0.5, runs)]


def _open(file: Path, threads: int) -> object:
    raise NotImplementedError


RUNTIME = Runtime("a matrix product", lambda: "1.0", _open, _time, _profile, "nothing to install")  # type: ignore[arg-type]


@pytest.fixture
def job(tmp_path: Path) -> tuple[Path, dict[str, Path]]:
    np.save(tmp_path / "x.npy", np.ones(400, np.float32))
    file = tmp_path / "job.json"
    file.write_text(json.dumps({"work": 400, "slow": 12, "random": False}))
    return file, {"x": tmp_path / "x.npy"}


def test_figures_have_intervals_units_and_a_provenance_that_names_the_host(job: tuple[Path, dict[str, Path]]) -> None:
    result = measure(RUNTIME, *job, replace(QUICK, runs=150))  # 99th percentile: 200 after warm-up
    names = [figure.name for figure in result.figures]
    latency = ["host_latency", "host_latency_p90", "host_latency_p99"]
    assert names == [*latency, "host_load_time", "host_peak_memory", "host_memory_over_idle"]
    for figure in result.figures:
        assert figure.value is not None, figure.provenance
        assert figure.low is not None
        assert figure.high is not None
        assert figure.kind == "measured"
        assert figure.low <= figure.value <= figure.high
        assert figure.provenance.startswith("host: ")
        assert "1 thread pinned to cpu " in figure.provenance
        assert "150 runs in each of 3 processes" in figure.provenance
    assert result.figures[0].confidence == 0.95
    assert result.figures[4].confidence == 0.75
    assert result.profile == (OpTime("MATMUL", "layer", 0.5, 50),)
    json.dumps(result.to_json(), allow_nan=False)


def test_the_slow_beginning_is_not_in_the_median(job: tuple[Path, dict[str, Path]]) -> None:
    def warming(*arguments: object) -> TimedRun:
        run = _time(*arguments)  # type: ignore[arg-type]
        return replace(run, milliseconds=tuple((10.0 if n < 12 else 1.0) + n % 3 / 100 for n in range(100)))

    result = measure(replace(RUNTIME, time=warming), *job, QUICK)
    assert min(result.conditions["warmup_runs"]) >= 12
    assert all(len(runs) <= 88 for runs in result.milliseconds)


def test_different_outputs_are_a_fatal_finding(job: tuple[Path, dict[str, Path]]) -> None:
    file, inputs = job
    file.write_text(json.dumps({"work": 400, "slow": 1, "random": True}))
    findings = {finding.code: finding for finding in measure(RUNTIME, file, inputs, QUICK).findings}
    assert findings["benchmark-outputs-differ"].severity == "fatal"
    assert "3 different outputs in 3 processes" in findings["benchmark-outputs-differ"].message


def test_uneven_runs_are_noted(job: tuple[Path, dict[str, Path]]) -> None:
    def uneven(*arguments: object) -> TimedRun:
        run = _time(*arguments)  # type: ignore[arg-type]
        return replace(run, milliseconds=tuple(1.0 + (index % 3) for index in range(100)))

    findings = measure(replace(RUNTIME, time=uneven), *job, QUICK).findings
    assert "noisy-benchmark" in [finding.code for finding in findings]
    assert all(finding.severity == "note" for finding in findings)


def test_settings_that_cannot_give_an_interval_are_refused(job: tuple[Path, dict[str, Path]]) -> None:
    for settings in (BenchSettings(runs=5), BenchSettings(processes=1)):
        with pytest.raises(ConfigError, match="has no interval"):
            measure(RUNTIME, *job, settings)
    with pytest.raises(ConfigError, match=r"cannot pin 1 thread\(s\) to processors \[4096\]"):
        measure(RUNTIME, *job, replace(QUICK, cpus=(4096,)))


def test_a_missing_runtime_names_its_remedy(job: tuple[Path, dict[str, Path]]) -> None:
    with pytest.raises(ToolError, match="is not installed") as caught:
        measure(replace(RUNTIME, version=lambda: None), *job, QUICK)
    assert caught.value.remedy == "nothing to install"


def test_device_figures_are_missing_with_a_reason() -> None:
    figures = missing_device_figures("raspberry-pi-4")
    assert [figure.name for figure in figures] == ["latency", "ram", "energy"]
    assert all(figure.missing and "no raspberry-pi-4 device" in figure.provenance for figure in figures)
    assert "device bench-pi has not run this file" in missing_device_figures("x", "bench-pi")[0].provenance


def _hold(seconds: float) -> None:
    with exclusive_host():
        time.sleep(seconds)


def test_a_second_benchmark_waits_for_the_first_and_not_for_a_dead_one() -> None:
    context = multiprocessing.get_context("spawn")
    holder = context.Process(target=_hold, args=(60.0,))
    holder.start()
    path = lease_folder() / "timed-in-builds.lock"
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and _free(path):
        time.sleep(0.02)
    assert not _free(path)
    holder.kill()
    holder.join()
    started = time.monotonic()
    with exclusive_host():
        assert time.monotonic() - started < 5


def _free(path: Path) -> bool:
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_host_facts_are_short_texts_and_do_not_change() -> None:
    facts = host_facts()
    assert facts == host_facts()
    assert set(facts) == {"cpu", "architecture", "cores", "memory", "kernel", "python", "governor", "turbo"}
    assert all(text and "\n" not in text for text in facts.values())


def test_another_program_shows_up_as_busy() -> None:
    before, started = host_state(), time.monotonic()
    spinner = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    time.sleep(1.0)
    found = busy_others(before, host_state(), time.monotonic() - started)
    spinner.kill()
    spinner.wait()
    assert found is not None
    assert found > 0.3


def test_runs_follow_the_time_that_one_takes(job: tuple[Path, dict[str, Path]]) -> None:
    many = choose_runs(RUNTIME, *job, threads=1, seconds=10)
    assert choose_runs(RUNTIME, *job, threads=1, seconds=1e-9) == LEAST_RUNS < many <= MOST_RUNS
