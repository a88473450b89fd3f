"""Power of a phone: traces in Perfetto's bytes; a phone that charges is refused. Its programs are stand-ins."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgebuild.bench.power.android import CONFIGURATION, battery_trace, rails_trace, require_unplugged
from edgebuild.bench.power.meter import MeterKind, PowerMeter
from edgebuild.bench.power.perfetto_trace import fields_of, read_power
from edgebuild.config.registries import METERS
from edgebuild.device.local import LocalTransport
from edgebuild.errors import DeviceError

UNPLUGGED = "Current Battery Service state:\n  AC powered: false\n  USB powered: false\n  status: 3\n  level: 80\n"


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def message(field: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return varint(field << 3 | 2) + varint(len(content)) + content


def rails_of(milliseconds: int, energies: dict[int, int], names: dict[int, str] | None = None) -> bytes:
    """A packet with counters in uJ, and the names of the rails in the first one."""
    described = [message(1, number(1, index), message(2, name.encode())) for index, name in (names or {}).items()]
    counted = [
        message(2, number(1, index), number(2, milliseconds), number(3, energy)) for index, energy in energies.items()
    ]
    return message(1, number(8, milliseconds * 1_000_000), message(40, *described, *counted))


def battery_of(milliseconds: int, microamperes: int, microvolts: int | None) -> bytes:
    told = number(3, microamperes) + (b"" if microvolts is None else number(7, microvolts))
    return message(1, number(8, milliseconds * 1_000_000), message(38, number(1, 2_000_000), told))


def phone_trace() -> bytes:
    """CPU at 2 W and memory at 0.5 W over ten seconds; an unrelated packet between."""
    packets = [rails_of(100_000, {0: 5_000_000, 1: 70}, {0: "S1M_VDD_CPU", 1: "VDD_MEM"}), message(1, number(58, 6))]
    packets += [
        rails_of(100_000 + 250 * step, {0: 5_000_000 + 500_000 * step, 1: 70 + 125_000 * step}) for step in range(1, 41)
    ]
    return b"".join(packets)


def test_rails_are_read_by_name_with_the_power_between_their_readings() -> None:
    trace = rails_trace(read_power(phone_trace()), ())
    assert trace.seconds[[0, -1]] == pytest.approx([100.0, 110.0])
    assert trace.counted
    assert {name: watts[1:].tolist() for name, watts in trace.rails.items()} == {
        "S1M_VDD_CPU": pytest.approx([2.0] * 40),
        "VDD_MEM": pytest.approx([0.5] * 40),
    }
    cpu = rails_trace(read_power(phone_trace()), ("S1M_VDD_CPU",))
    assert cpu.watts[1:] == pytest.approx(np.full(40, 2.0))
    with pytest.raises(DeviceError, match="no power rail 'VDD_GPU': found S1M_VDD_CPU, VDD_MEM"):
        rails_trace(read_power(phone_trace()), ("VDD_GPU",))


def test_the_battery_gives_current_times_voltage_whatever_sign_its_gauge_uses() -> None:
    data = b"".join(battery_of(1000 + 250 * step, -400_000, 4_000_000) for step in range(5))
    trace = battery_trace(read_power(data))
    assert trace.watts == pytest.approx(np.full(5, 1.6))
    assert trace.seconds[0] == pytest.approx(1.0)
    with pytest.raises(DeviceError, match="none of current and voltage together"):
        battery_trace(read_power(battery_of(1000, -400_000, None)))
    with pytest.raises(DeviceError, match="it was charged while it was measured"):
        battery_trace(read_power(battery_of(1000, -400_000, 4_000_000) + battery_of(2000, 300_000, 4_000_000)))


@pytest.mark.parametrize("data", [b"\x0a\x7fshort", b"\x0b", b"\x08" + b"\xff" * 11, phone_trace()[:-3]])
def test_a_damaged_trace_is_told(data: bytes) -> None:
    with pytest.raises(DeviceError, match="the trace of Perfetto is damaged"):
        read_power(data)


def test_every_kind_of_field_is_read() -> None:
    data = number(1, 300) + varint(2 << 3 | 1) + bytes(8) + varint(3 << 3 | 5) + b"\x01\x00\x00\x00" + message(4, b"hi")
    assert list(fields_of(data)) == [(1, 300), (2, 0), (3, 1), (4, b"hi")]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (UNPLUGGED.replace("USB powered: false", "USB powered: true"), r"charging \(by USB\)"),
        (UNPLUGGED.replace("status: 3", "status: 2"), "charging .though nothing is plugged in"),
        ("no such service", "does not tell whether it is charging"),
    ],
)
def test_a_phone_that_charges_is_refused(state: str, words: str) -> None:
    require_unplugged(UNPLUGGED)
    with pytest.raises(DeviceError, match=words):
        require_unplugged(state)


@pytest.fixture
def phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalTransport]:
    """This machine with stand-ins of a phone's programs: `perfetto` prints the trace when it is told to end."""
    (tmp_path / "trace").write_bytes(phone_trace())
    (tmp_path / "state").write_text(UNPLUGGED)
    programs = {
        "dumpsys": f"cat {tmp_path}/state",
        "perfetto": f"cat > {tmp_path}/asked\ntrap 'cat {tmp_path}/trace; exit 0' TERM\nwhile :; do sleep 0.05; done",
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    transport = LocalTransport("phone")
    yield transport
    transport.close()


def opened(phone: LocalTransport) -> PowerMeter:
    kind: MeterKind = METERS.get("android-rails")
    return kind.open(phone, kind.parameters.model_validate({"rails": ["VDD_MEM"]}))


def test_perfetto_records_on_the_phone_until_it_is_stopped(phone: LocalTransport, tmp_path: Path) -> None:
    meter = opened(phone)
    meter.arm()
    meter.start()
    meter.mark("begin")
    while not (tmp_path / "asked").exists():
        pass
    trace = meter.stop()
    assert trace.watts[1:] == pytest.approx(np.full(40, 0.5))
    assert (tmp_path / "asked").read_text() == CONFIGURATION.format(milliseconds=250, rails="true")


def test_a_phone_that_was_plugged_in_meanwhile_gives_no_energy(phone: LocalTransport, tmp_path: Path) -> None:
    meter = opened(phone)
    meter.arm()
    meter.start()
    while not (tmp_path / "asked").exists():
        pass
    (tmp_path / "state").write_text(UNPLUGGED.replace("AC powered: false", "AC powered: true"))
    with pytest.raises(DeviceError, match=r"charging \(by AC\)"):
        meter.stop()
