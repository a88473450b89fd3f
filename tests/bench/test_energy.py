"""Energy of an inference: known powers in, the right energy and an honest interval out; once by a loop on this host."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest

from edgebuild.bench.estimated import check_estimates
from edgebuild.bench.power.energy import energy_of, stretch_of
from edgebuild.bench.power.measure import (
    EnergySettings,
    Loop,
    energy_figure,
    energy_findings,
    measure_energy,
    open_power_meter,
)
from edgebuild.bench.power.meter import Trace
from edgebuild.config.device import Device, Power
from edgebuild.device.connect import connected
from edgebuild.device.local import LocalTransport
from edgebuild.device.transport import Transport
from edgebuild.errors import ConfigError, DeviceError
from edgebuild.estimate.board_power import BOARD_POWER, board_energy
from edgebuild.figure import Figure
from tests.device.sshd import needs_sshd, new_server

IDLE_W, ACTIVE_W = 2.0, 5.0


def trace_of(noise: float, seed: int, *, drift: float = 0.0) -> Trace:
    """Idle until 5 s, a loop until 25 s, idle until 30 s; 20 samples a second."""
    rng = np.random.default_rng(seed)
    seconds = np.arange(0.0, 30.0, 0.05)
    watts = np.where((seconds >= 5) & (seconds < 25), ACTIVE_W, IDLE_W) + drift * seconds
    return Trace(seconds, {"a": 0.4 * watts, "b": 0.6 * watts + noise * rng.normal(size=len(seconds))})


def test_the_energy_is_what_the_loop_draws_above_idle() -> None:
    found = energy_of(trace_of(0.0, 0), ((0.5, 4.5), (25.5, 29.5)), (5.5, 24.5), 0.1, 0.0)
    assert found.joules == pytest.approx((ACTIVE_W - IDLE_W) * 0.1)
    assert found.gross_joules == pytest.approx(ACTIVE_W * 0.1)
    assert (found.low, found.high) == pytest.approx((found.joules, found.joules))


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    truth, inside = (ACTIVE_W - IDLE_W) * 0.1, []
    for seed in range(300):
        found = energy_of(trace_of(0.5, seed), ((0.5, 4.5), (25.5, 29.5)), (5.5, 24.5), 0.1, 0.0)
        inside.append(found.low <= truth <= found.high)
    assert np.mean(inside) >= 0.93


def test_what_is_not_by_chance_makes_it_wider() -> None:
    stretches = ((0.5, 4.5), (25.5, 29.5)), (5.5, 24.5), 0.1
    plain = energy_of(trace_of(0.1, 1), *stretches, 0.0)
    doubtful = energy_of(trace_of(0.1, 1), *stretches, 0.02)
    drifting = energy_of(trace_of(0.1, 1, drift=0.05), *stretches, 0.0)
    width = plain.high - plain.low
    assert doubtful.high - doubtful.low == pytest.approx(width + 2 * 0.02 * ACTIVE_W * 0.1, rel=0.01)
    assert drifting.high - drifting.low > 3 * width


def test_a_counter_is_integrated_as_it_counted_and_a_sampled_power_between_samples() -> None:
    seconds, watts = np.array([0.0, 1.0, 1.5, 2.0, *np.arange(2.1, 6.0, 0.1)]), np.ones(43)
    watts[1] = 3.0
    counted = Trace(seconds, {"package-0": watts}, counted=True)
    sampled = Trace(seconds, {"package-0": watts})
    with pytest.raises(DeviceError, match=r"was silent for 1\.00 s"):
        stretch_of(counted, 0.0, 5.9)
    fine = np.arange(0.0, 10.0, 0.1)
    ramp = Trace(fine, {"a": fine})
    assert stretch_of(ramp, 1.03, 8.97).watts == pytest.approx(5.0)
    steps = Trace(fine, {"a": np.floor(fine) % 2}, counted=True)
    assert stretch_of(steps, 0.9, 8.9).watts == pytest.approx(0.5)
    assert stretch_of(sampled, 2.0, 5.9).watts == pytest.approx(1.0)


def test_a_record_with_too_few_samples_is_refused() -> None:
    with pytest.raises(DeviceError, match=r"gave 10 samples in 0\.5 s, expected 20 at least"):
        stretch_of(trace_of(0.0, 0), 1.0, 1.46)


def test_clocks_that_may_be_off_make_the_stretches_shorter() -> None:
    trace = trace_of(0.0, 0)
    late = Trace(trace.seconds, trace.rails, clock_error=0.4)
    assert stretch_of(late, 4.7, 25.3).watts == pytest.approx(ACTIVE_W, abs=0.01), "its ends may be outside of the loop"
    assert stretch_of(trace, 4.7, 25.3).watts < ACTIVE_W - 0.05


@contextmanager
def counting(file: Path, load: threading.Event) -> Iterator[None]:
    """A counter of uJ that rises by idle power, and faster while `load` is set, as the kernel's does."""
    ended = threading.Event()

    def count() -> None:
        joules, last = 0.0, time.monotonic()
        while not ended.is_set():
            time.sleep(0.004)
            now = time.monotonic()
            joules += (ACTIVE_W if load.is_set() else IDLE_W) * (now - last)
            last = now
            fresh = file.with_suffix(".new")
            fresh.write_text(f"{int(joules * 1e6) % 8_000_000}\n")
            fresh.replace(file)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def over_ssh(folder: Path) -> Iterator[Transport]:
    """This machine by a real server, leased and fenced as a board is."""
    server = new_server(folder)
    server.start()
    try:
        with connected(Device(name="board", transport="ssh", options=server.options())) as transport:
            yield transport
    finally:
        server.stop()


@contextmanager
def here(_folder: Path) -> Iterator[Transport]:
    transport = LocalTransport("here")
    try:
        yield transport
    finally:
        transport.close()


@pytest.mark.parametrize("reached", [here, pytest.param(over_ssh, marks=needs_sshd)])
def test_a_counter_is_sampled_there_while_a_loop_runs_there(
    reached: Callable[[Path], AbstractContextManager[Transport]], tmp_path: Path
) -> None:
    zone = tmp_path / "intel-rapl:0"
    zone.mkdir()
    for name, text in (("name", "package-0"), ("max_energy_range_uj", "8000000"), ("energy_uj", "0")):
        (zone / name).write_text(f"{text}\n")
    load = threading.Event()
    power = Power(meter="rapl", options={"root": str(tmp_path), "period": "10 ms"})

    with reached(tmp_path / "server") as transport, counting(zone / "energy_uj", load):

        def work() -> Loop:
            load.set()
            assert transport.run(["sleep", "3"], 30).exit_code == 0
            load.clear()
            return Loop(30, 3.0)

        meter = open_power_meter(power, transport)
        assert meter is not None
        energy, loop = measure_energy(meter, work, EnergySettings(loop=3.0, idle=2.0, settle=0.3))
    assert meter.capabilities().rails == ("package-0",)
    assert energy.idle.watts == pytest.approx(IDLE_W, rel=0.1)
    assert energy.joules == pytest.approx((ACTIVE_W - IDLE_W) * 0.1, rel=0.1)
    assert energy.low < (ACTIVE_W - IDLE_W) * 0.1 < energy.high
    figure = energy_figure(energy, loop, "rapl", "here", "stated")
    assert (figure.name, figure.unit, figure.kind, figure.confidence) == ("energy", "mJ", "measured", 0.95)
    assert "30 inferences in 3.0 s" in figure.provenance
    assert energy_findings(energy) == []


def test_a_loop_that_is_not_seen_is_told() -> None:
    trace = trace_of(0.5, 3)
    found = energy_of(trace, ((0.5, 2.0), (3.0, 4.5)), (25.5, 29.5), 0.1, 0.01)
    assert [finding.code for finding in energy_findings(found)] == ["energy-below-noise"]


def test_a_board_whose_power_nobody_published_is_refused_before_anything_is_built() -> None:
    device = Device(name="desk", transport="local", power=Power(board="raspberry-pi4"))
    with pytest.raises(
        ConfigError, match=r"power\.board: unknown board 'raspberry-pi4'; did you mean 'raspberry-pi-4'"
    ):
        check_estimates(device)


def test_without_a_meter_the_published_power_of_the_board_is_taken_times_the_time() -> None:
    latency = Figure("latency", 100.0, "ms", "measured", 90.0, 110.0, 0.95)
    power = BOARD_POWER["raspberry-pi-4"]
    found = board_energy("raspberry-pi-4", latency)
    assert found.kind == "estimated"
    assert found.low is not None
    assert found.high is not None
    assert found.low == pytest.approx((5.0 - 2.3) / 4 * 90)
    assert found.high == pytest.approx((7.2 - 1.6) / 4 * 2 * 110)
    assert found.low < found.value < found.high
    assert "geerlingguy/sbc-reviews#4" in found.provenance
    all_cores = board_energy("raspberry-pi-4", latency, threads=4)
    assert all_cores.high == pytest.approx((power.busy[1] - power.idle[0]) * 110)
    assert board_energy("raspberry-pi-4", Figure("latency", None, "ms", "measured")).missing
