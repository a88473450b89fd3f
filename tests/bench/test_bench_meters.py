"""Meters on the bench: bytes in the form that each one sends, read without it."""

from __future__ import annotations

import struct
import threading
import time
from typing import Any

import numpy as np
import pytest

from edgebuild.bench.power.meter import MeterKind
from edgebuild.bench.power.meters import joulescope, monsoon, ppk2
from edgebuild.bench.power.on_bench import BenchMeter, Capabilities, clock_of, library
from edgebuild.config.registries import METERS
from edgebuild.device.local import LocalTransport
from edgebuild.errors import DeviceError, ToolError

METADATA = (
    "Calibrated: 0\nR0: 1003.3\nR3: 0.95\nR4: 0\nGS3: 0.9\nGI3: 1.02\nO3: 71.5\nS3: 0.0002\nI3: 0.00001\nUG3: 0.98\n"
    "HW: 9173\nIA: 56\nEND"
)


def words_of(adc: int, span: int, counters: range) -> bytes:
    return b"".join(struct.pack("<I", adc | span << 14 | (number % 64) << 18 | 0xA5 << 24) for number in counters)


def test_ppk2_turns_a_word_into_amperes_by_the_kits_own_calibration() -> None:
    gains = ppk2.read_gains(METADATA)
    assert gains.R == [1003.3, 101.65, 10.15, 0.95, 0.043], "a resistance of zero is none"
    adc, volts = 4000, 3.3
    plain = (4 * adc - 71.5) * (1.8 / 163840 / 0.95)
    expected = 0.98 * (plain * (0.9 * plain + 1.02) + (0.0002 * volts + 0.00001))
    trace = ppk2.trace_of([(5.0, words_of(adc, 3, range(60, 160)))], gains, volts)
    assert trace.watts == pytest.approx(np.full(100, expected * volts))
    assert trace.seconds == pytest.approx(np.arange(100) / 100_000)


def test_ppk2_samples_that_were_lost_leave_a_gap_and_words_may_be_cut_between_chunks() -> None:
    whole = words_of(1000, 2, range(10)) + words_of(1000, 2, range(30, 40))
    trace = ppk2.trace_of([(1.0, whole[:7]), (1.01, whole[7:50]), (1.02, whole[50:] + b"\x01")], ppk2.Gains(), 5.0)
    assert len(trace.seconds) == 20
    assert trace.seconds[10] - trace.seconds[9] == pytest.approx(21e-5)
    assert trace.clock_offset == pytest.approx(trace.seconds[0] - 1.0, abs=2e-4), "the first chunk came soonest"
    assert trace.clock_error == pytest.approx(0.01)
    with pytest.raises(DeviceError, match="sent 3 bytes, not one whole sample"):
        ppk2.trace_of([(1.0, b"\0\0\0")], ppk2.Gains(), 5.0)


def statistics(begin: float, watts: float) -> dict[str, Any]:
    """What pyjoulescope_driver publishes under s/stats/value, as far as it is read."""
    seconds = {"range": {"value": [begin, begin + 0.01], "units": "s"}, "delta": {"value": 0.01, "units": "s"}}
    return {"time": seconds, "signals": {"power": {"avg": {"value": watts, "units": "W"}}}}


def test_joulescope_means_are_counted_over_their_own_time() -> None:
    chunks = [(7.0 + 0.01 * step, [statistics(100 + 0.01 * step, 1.0 + step % 2)]) for step in range(50)]
    trace = joulescope.trace_of(chunks)
    assert trace.counted
    assert trace.seconds[[0, -1]] == pytest.approx([100.01, 100.5])
    assert trace.watts[:4].tolist() == [1.0, 2.0, 1.0, 2.0]
    assert trace.clock_offset == pytest.approx(93.01)
    with pytest.raises(DeviceError, match="the statistics of the Joulescope lack 'signals'"):
        joulescope.trace_of([(7.0, [{"time": statistics(1.0, 1.0)["time"]}])])


def packet(*samples: tuple[int, int, int, int]) -> bytes:
    """A packet of a Monsoon: (coarse, fine, voltage, kind) of up to three samples."""
    body = b"".join(
        struct.pack(">8H", coarse, fine, 1, 1, 1, 1, volts, 0) + bytes([0, kind])
        for coarse, fine, volts, kind in samples
    )
    return (struct.pack("<HBB", 0, 0, len(samples)) + body).ljust(64, b"\0")


def test_monsoon_takes_the_fine_channel_where_it_is_not_full_and_the_coarse_one_else() -> None:
    calibration = [packet((100, 110, 0, 0x10), (60_000, 61_000, 0, 0x30))] * 5
    measured = packet((30_000, 20_000, 16_800, 0x00), (30_000, 65_000, 16_800, 0x00), (9, 9, 9, 0x20))
    scales = monsoon.Scales((6400.0, 15.0), (36_500.0, 15.0))
    trace = monsoon.trace_of([(1.0, b"".join(calibration)), (1.1, measured + b"cut")], scales)
    fine = (20_000 - 125) * 36_500 / (61_000 - 125) / 1000 / 1000
    coarse = (30_000 - 115) * 6400 / (60_000 - 115) / 1000
    assert trace.watts == pytest.approx([4.2 * fine, 4.2 * coarse])
    assert np.diff(trace.seconds) == pytest.approx([1 / 5000])
    with pytest.raises(DeviceError, match="too few samples: 0 of zero, 0 of reference, 2 measured"):
        monsoon.trace_of([(1.0, measured)], scales)


class Counter:
    """A source that sends its own time every hundredth of a second, until it breaks."""

    def __init__(self, breaks: bool = False) -> None:
        self.began, self.ended, self.breaks = 0.0, threading.Event(), breaks

    def open(self) -> None:
        return

    def begin(self) -> None:
        self.began = time.monotonic()

    def read(self) -> list[dict[str, Any]]:
        time.sleep(0.01)
        if self.breaks:
            msg = "no such device"
            raise OSError(msg)
        return [statistics(time.monotonic() - self.began - 0.01, 2.0)]

    def end(self) -> None:
        self.ended.set()


def test_a_stream_is_read_until_it_is_stopped_and_its_clock_set_against_ours() -> None:
    source = Counter()
    meter = BenchMeter(source, Capabilities(("total",), 100, 0.01, ""), joulescope.trace_of)
    meter.arm()
    meter.start()
    time.sleep(0.3)
    meter.mark("middle")
    middle = time.monotonic() - source.began
    time.sleep(0.1)
    trace = meter.stop()
    assert source.ended.is_set()
    assert trace.at("middle") == pytest.approx(middle, abs=0.05)
    assert trace.seconds[0] < 0.3 < trace.seconds[-1]


def test_a_meter_that_is_lost_or_silent_is_told() -> None:
    capabilities = Capabilities(("total",), 100, 0.01, "")
    lost = BenchMeter(Counter(breaks=True), capabilities, joulescope.trace_of)
    lost.start()
    time.sleep(0.1)
    with pytest.raises(DeviceError, match="the power meter was lost: no such device"):
        lost.stop()
    silent = BenchMeter(Counter(), capabilities, joulescope.trace_of)
    silent.start()
    silent._ended.set()
    silent._thread.join()  # type: ignore[union-attr]
    silent._chunks.clear()
    with pytest.raises(DeviceError, match="the power meter sent nothing"):
        silent.stop()


def test_the_soonest_arrival_sets_the_clock() -> None:
    offset, error = clock_of(np.array([10.2, 10.3, 10.5]), np.array([1.0, 1.2, 1.3]))
    assert offset == pytest.approx(-9.1)
    assert error == pytest.approx(0.15)


@pytest.mark.parametrize(
    ("meter", "options", "package"),
    [
        ("ppk2", {"volts": "3.3 V"}, "ppk2_api"),
        ("joulescope", {}, "pyjoulescope_driver"),
        ("monsoon", {"volts": "4.2 V"}, "Monsoon"),
    ],
)
def test_a_missing_library_is_named_with_the_command_that_installs_it(
    meter: str, options: dict[str, Any], package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ppk2_api.ppk2_api", "pyjoulescope_driver", "Monsoon.HVPM"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    kind: MeterKind = METERS.get(meter)
    transport = LocalTransport("here")
    try:
        opened = kind.open(transport, kind.parameters.model_validate(options))
        with pytest.raises(ToolError) as raised:
            opened.arm()
    finally:
        transport.close()
    assert raised.value.message.startswith(f"this power meter needs {package}")
    assert raised.value.remedy == "pip install 'edgebuild[power]'"


def test_a_library_that_is_there_is_given() -> None:
    assert library("struct") is struct
