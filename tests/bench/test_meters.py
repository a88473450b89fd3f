"""Meters that are read on the device: folders and texts laid out like the real ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgebuild.bench.power.meter import MeterKind, PowerMeter
from edgebuild.bench.power.meters.pi5_pmic import read_recording, watts_of
from edgebuild.bench.power.meters.rapl import Zone, trace_of
from edgebuild.config.read_device import load_device
from edgebuild.config.registries import METERS
from edgebuild.device.local import LocalTransport
from edgebuild.errors import ConfigError, DeviceError

PMIC = """\
     3V7_WL_SW_A current(0)=0.09466522A
       3V3_SYS_A current(1)=0.08197812A
      DDR_VDDQ_A current(4)=0.00000000A
      VDD_CORE_A current(7)=1.25000000A
     3V7_WL_SW_V volt(8)=3.70000000V
       3V3_SYS_V volt(9)=3.30000000V
      DDR_VDDQ_V volt(12)=0.60000000V
      VDD_CORE_V volt(15)=0.80000000V
         EXT5V_V volt(24)=5.14000000V
          BATT_V volt(25)=0.00000000V
"""


@pytest.fixture
def transport() -> Iterator[LocalTransport]:
    here = LocalTransport("here")
    yield here
    here.close()


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n")
    return root


def opened(transport: LocalTransport, name: str, options: dict[str, object]) -> PowerMeter:
    kind: MeterKind = METERS.get(name)
    return kind.open(transport, kind.parameters.model_validate(options))


def recorded(meter: PowerMeter) -> dict[str, float]:
    """Mean W of each rail over a short record."""
    meter.arm()
    meter.start()
    meter.mark("begin")
    trace = meter.stop()
    assert trace.clock_error < 1
    assert trace.marks.keys() == {"begin"}
    return {rail: float(np.mean(watts)) for rail, watts in trace.rails.items()}


def test_hwmon_reads_power_where_the_chip_gives_it_and_else_voltage_times_current(
    tmp_path: Path, transport: LocalTransport
) -> None:
    files = {
        "hwmon0/name": "cpu_thermal",
        "hwmon0/temp1_input": "45000",
        "hwmon1/name": "ina226",
        "hwmon1/power1_input": "2500000",
        "hwmon1/in1_input": "5000",
        "hwmon1/curr1_input": "500",
        "hwmon2/name": "ina3221",
        "hwmon2/in1_label": "VDD IN",
        "hwmon2/in1_input": "5000",
        "hwmon2/curr1_input": "900",
        "hwmon2/in2_input": "3300",
        "hwmon2/curr2_input": "100",
        "hwmon2/in4_input": "9",
    }
    root = str(tree(tmp_path, files))
    meter = opened(transport, "hwmon", {"root": root, "period": "5 ms"})
    assert recorded(meter) == pytest.approx({"ina226": 2.5, "VDD IN": 4.5, "ina3221.2": 0.33})
    one = opened(transport, "hwmon", {"root": root, "chip": "ina3221", "rails": ["VDD IN"], "period": "5 ms"})
    assert recorded(one) == pytest.approx({"VDD IN": 4.5})
    with pytest.raises(DeviceError, match=r"no rail 'VDD': found ina226, VDD IN, ina3221\.2"):
        opened(transport, "hwmon", {"root": root, "rails": ["VDD"]})


def test_hwmon_without_a_current_monitor_says_what_it_found(tmp_path: Path, transport: LocalTransport) -> None:
    root = tree(tmp_path, {"hwmon0/name": "cpu_thermal"})
    with pytest.raises(DeviceError, match=r"no current monitor among the monitors in .*: found cpu_thermal"):
        opened(transport, "hwmon", {"root": str(root)})


def test_rapl_counts_packages_and_memory_but_not_the_cores_that_are_in_them(
    tmp_path: Path, transport: LocalTransport
) -> None:
    files = {}
    for folder, name in (
        ("intel-rapl", ""),
        ("intel-rapl:0", "package-0"),
        ("intel-rapl:0:0", "core"),
        ("intel-rapl:0:1", "dram"),
        ("intel-rapl:1", "package-1"),
    ):
        if name:
            files |= {f"{folder}/name": name, f"{folder}/energy_uj": "7", f"{folder}/max_energy_range_uj": "1000"}
        else:
            files[f"{folder}/enabled"] = "1"
    meter = opened(transport, "rapl", {"root": str(tree(tmp_path, files))})
    assert meter.capabilities().rails == ("package-0", "dram", "package-1")
    with pytest.raises(DeviceError, match="no energy counter of a processor"):
        opened(transport, "rapl", {"root": str(tmp_path / "nothing")})


def test_a_counter_that_begins_again_goes_on() -> None:
    zone = Zone("package-0", "energy_uj", 10_000_000)
    trace = trace_of([(1.0, ("9000000",)), (2.0, ("1000000",)), (2.0, ("1000000",)), (4.0, ("5000000",))], [zone])
    assert list(trace.watts) == [0.0, 2.0, 2.0]
    assert trace.counted


def test_the_pmic_of_a_pi_5_gives_rails_that_have_both_current_and_voltage(
    tmp_path: Path, transport: LocalTransport
) -> None:
    expected = {"3V7_WL_SW": 0.350261, "3V3_SYS": 0.270528, "DDR_VDDQ": 0.0, "VDD_CORE": 1.0}
    assert watts_of(PMIC.splitlines()) == pytest.approx(expected, abs=1e-6)
    (tmp_path / "adc.txt").write_text(PMIC)
    meter = opened(transport, "pi5-pmic", {"command": f"cat {tmp_path}/adc.txt", "period": "5 ms"})
    assert recorded(meter) == pytest.approx(expected, abs=1e-6)
    cut = read_recording(f"@10.01\n{PMIC}@10.08\n{PMIC}@10.15\n" + PMIC[:200])
    assert list(cut.seconds) == [10.01, 10.08], "the last sample was cut off"
    with pytest.raises(DeviceError, match="printed no current and voltage of the same rail"):
        opened(transport, "pi5-pmic", {"command": "echo 'vc_gencmd_read_response returned -1'"})
    with pytest.raises(DeviceError, match=r"the power meter cannot be read: .*not found"):
        opened(transport, "pi5-pmic", {"command": "vcgencmd-of-nobody"})


@pytest.mark.parametrize(
    ("power", "message"),
    [
        ("{meter: hwmo}", "4:16: power.meter: unknown power meter 'hwmo'; did you mean 'hwmon'?"),
        ("{meter: hwmon, options: {chips: x}}", "4:33: power.options.chips: unknown key; did you mean 'chip'?"),
        ("{meter: rapl, options: {period: 5}}", "4:40: power.options.period: a unit is missing"),
        ("{metre: rapl}", "4:9: power.metre: unknown key"),
    ],
)
def test_a_device_file_names_a_meter_there_is(tmp_path: Path, power: str, message: str) -> None:
    (tmp_path / "devices").mkdir()
    text = f"name: board\ntransport: ssh\noptions: {{host: h, user: u}}\npower: {power}\n"
    (tmp_path / "devices" / "board.yaml").write_text(text)
    with pytest.raises(ConfigError) as raised:
        load_device("board", tmp_path)
    assert message in str(raised.value)
