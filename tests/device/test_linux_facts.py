"""What a Linux machine tells, read from files laid out as the kernel has them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from edgebuild.device.linux_facts import read_facts
from edgebuild.device.on_device import command

CORE = """processor\t: {number}
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: {part}
CPU revision\t: 3

"""


ZONES = (("cpu-1-0-usr", 41000), ("soc", 52500), ("vbat", -274000), ("vbat", 390000))


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A phone with little and big cores."""
    parts = ["0xd05"] * 4 + ["0xd0b"] * 2
    put(tmp_path / "proc/cpuinfo", "".join(CORE.format(number=n, part=part) for n, part in enumerate(parts)))
    put(tmp_path / "proc/meminfo", "MemTotal:        3884420 kB\nMemFree:          123 kB\n")
    put(tmp_path / "proc/device-tree/model", "A phone Rev 1.4\0")
    for cpu, (now, most) in enumerate([(300000, 1800000)] * 4 + [(825600, 2400000)] * 2):
        folder = tmp_path / f"sys/devices/system/cpu/cpu{cpu}/cpufreq"
        put(folder / "scaling_governor", "schedutil\n")
        put(folder / "scaling_cur_freq", f"{now}\n")
        put(folder / "scaling_max_freq", f"{min(most, 2000000)}\n")
        put(folder / "cpuinfo_max_freq", f"{most}\n")
    for zone, (name, degrees) in enumerate(ZONES):
        put(tmp_path / f"sys/class/thermal/thermal_zone{zone}/type", f"{name}\n")
        put(tmp_path / f"sys/class/thermal/thermal_zone{zone}/temp", f"{degrees}\n")
    for number, (name, state) in enumerate([("thermal-cpufreq-0", 0), ("thermal-cpufreq-4", 3), ("charger", 2)]):
        put(tmp_path / f"sys/class/thermal/cooling_device{number}/type", f"{name}\n")
        put(tmp_path / f"sys/class/thermal/cooling_device{number}/cur_state", f"{state}\n")
    return tmp_path


def put(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def facts_of(root: Path) -> dict[str, str]:
    """What the script finds below `root`; Android's own programs are those of `root/bin`."""
    environment = {**os.environ, "PATH": f"{root / 'bin'}:{os.environ['PATH']}"}
    told = subprocess.run(
        ["sh", "-c", command("facts", str(root))], capture_output=True, text=True, check=True, env=environment
    )
    return read_facts(told.stdout)


SERVICE = """IsStatusOverride: false
Thermal Status: 1
Cached temperatures:
    Temperature{mValue=99.0, mType=0, mName=CPU0, mStatus=0}
HAL Ready: true
Current temperatures from HAL:
    Temperature{mValue=44.75, mType=0, mName=CPU0, mStatus=0}
    Temperature{mValue=61.2, mType=0, mName=CPU7, mStatus=0}
    Temperature{mValue=70.0, mType=1, mName=GPU0, mStatus=0}
    Temperature{mValue=31.5, mType=2, mName=battery, mStatus=0}
    Temperature{mValue=38.1, mType=4, mName=TYPE_SKIN, mStatus=1}
    Temperature{mValue=-99.9, mType=5, mName=TYPE_POWER_AMPLIFIER, mStatus=0}
Current cooling devices from HAL:
    CoolingDevice{mValue=2, mType=2, mName=thermal-cpufreq-0}
Temperature static thresholds from HAL:
    TemperatureThreshold{mType=0, mName=CPU0, mValue=120.0}
"""
"""As AOSP's ThermalManagerService prints it, with a vendor's way to name the skin; the numbers are invented."""


@pytest.fixture
def phone(machine: Path) -> Path:
    """The same machine under Android, which has two programs more."""
    properties = {"ro.build.version.release": "14", "ro.product.manufacturer": "Maker", "ro.product.model": "One"}
    cases = "".join(f"{name}) echo '{value}' ;;\n" for name, value in properties.items())
    put(machine / "bin/getprop", f"#!/bin/sh\ncase $1 in\n{cases}*) echo ;;\nesac\n")
    put(machine / "bin/dumpsys", f"#!/bin/sh\n[ $1 = thermalservice ] && cat <<'END'\n{SERVICE}END\n")
    for program in (machine / "bin").iterdir():
        program.chmod(0o755)
    return machine


def test_android_says_what_it_is_how_warm_its_parts_are_and_whether_it_slows_down(phone: Path) -> None:
    found = facts_of(phone)
    assert (found["android"], found["board"]) == ("14", "Maker One")
    assert found["temperature_millicelsius"] == "61200", "of the cores, now"
    assert (found["battery_millicelsius"], found["skin_millicelsius"]) == ("31500", "38100")
    assert found["thermal_status"] == "1"
    assert "soc" not in found, "it does not tell"


def test_android_without_a_thermal_service_has_the_kernels_zones_of_cores(phone: Path) -> None:
    (phone / "bin/dumpsys").write_text('#!/bin/sh\necho "Can\'t find service: thermalservice"\n')
    found = facts_of(phone)
    assert found["temperature_millicelsius"] == "52500", "not the voltage of the battery"
    assert "thermal_status" not in found


def test_cores_clocks_temperature_and_memory_of_a_machine_with_two_kinds_of_cores(machine: Path) -> None:
    found = facts_of(machine)
    assert found["cpu"] == "cortex-a55+cortex-a76"
    assert found["memory_kib"] == "3884420"
    assert found["board"] == "A phone Rev 1.4"
    assert (found["governor"], found["clock_khz"], found["highest_clock_khz"]) == ("schedutil", "825600", "2400000")
    assert found["temperature_millicelsius"] == "390000", "Linux has degrees in all of its zones"
    assert found["clock_limit_khz"] == "2000000"
    assert found["cooling"] == "thermal-cpufreq-4"


def test_what_a_machine_does_not_tell_is_left_out(machine: Path) -> None:
    for path in sorted((machine / "sys").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (machine / "proc/device-tree/model").unlink()
    found = facts_of(machine)
    assert set(found) == {"cpu", "cores", "architecture", "kernel", "memory_kib"}


def test_an_unknown_core_is_shown_by_its_numbers(machine: Path) -> None:
    (machine / "proc/cpuinfo").write_text(CORE.format(number=0, part="0xfff"))
    assert facts_of(machine)["cpu"] == "arm 0x41 0xfff"


def test_a_raspberry_pi_says_whether_it_was_throttled() -> None:
    told = (
        "architecture: aarch64\nkernel: 6.6.51+rpt-rpi-v8\ncores: 4\nMemTotal:  3884420 kB\n"
        "cpuinfo CPU implementer\t: 0x41\ncpuinfo CPU part\t: 0xd08\n"
        "cpuinfo Model\t\t: Raspberry Pi 4 Model B Rev 1.4\nthrottled: 0x50005\n"
    )
    found = read_facts(told)
    assert (found["cpu"], found["board"]) == ("cortex-a72", "Raspberry Pi 4 Model B Rev 1.4")
    assert found["throttled"] == "0x50005"
