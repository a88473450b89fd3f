"""What a Linux machine tells, read from files laid out as the kernel has them."""

from __future__ import annotations

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
        put(folder / "cpuinfo_max_freq", f"{most}\n")
    for zone, degrees in enumerate([41000, 52500, -274000]):
        put(tmp_path / f"sys/class/thermal/thermal_zone{zone}/temp", f"{degrees}\n")
    return tmp_path


def put(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def facts_of(root: Path) -> dict[str, str]:
    told = subprocess.run(["sh", "-c", command("facts", str(root))], capture_output=True, text=True, check=True)
    return read_facts(told.stdout)


def test_cores_clocks_temperature_and_memory_of_a_machine_with_two_kinds_of_cores(machine: Path) -> None:
    found = facts_of(machine)
    assert found["cpu"] == "cortex-a55+cortex-a76"
    assert found["memory_kib"] == "3884420"
    assert found["board"] == "A phone Rev 1.4"
    assert (found["governor"], found["clock_khz"], found["highest_clock_khz"]) == ("schedutil", "825600", "2400000")
    assert found["temperature_millicelsius"] == "52500"


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
