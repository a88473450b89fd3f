"""Threads and cores of a device: which it has, which are meant, and that a file really runs on them."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from edgebuild.bench.board.measure import measure_on_device
from edgebuild.bench.board.place import place
from edgebuild.bench.board.run import require_cores
from edgebuild.bench.board.settings import BoardSettings
from edgebuild.config.cores import check_cores, parse_cores, show_cores
from edgebuild.config.device import Bench, Device
from edgebuild.config.read_device import load_device
from edgebuild.config.wording import BadValueError
from edgebuild.device.connect import connected
from edgebuild.device.cores import Placement, core_groups, place_on_cores
from edgebuild.errors import ConfigError, DeviceError
from tests.bench.sys_board import sys_board
from tests.device.sshd import needs_sshd
from tests.mcu_kernels.layers import RELU, LayerBatch

ROOT = Path(__file__).resolve().parents[2]
PHONE = {"cores": "8", "online_cores": "0-7", "core_capacity": "0-3:160 4-5:498 6-7:1024"}
LAST = max(os.sched_getaffinity(0))
ABSENT = 1000
"""A core that no machine has on which this is run."""
SAMPLES = {"t0": np.full((1, 1, 12, 12, 16), 5, np.int8)}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    batch = LayerBatch(3)
    batch.convolve((12, 12), (16, 16), clamp=RELU)
    path = tmp_path_factory.mktemp("file") / "net.tflite"
    path.write_bytes(batch.build())
    return path


def test_lists_of_cores_are_read_and_shown() -> None:
    assert parse_cores("4-6, 1,0") == (0, 1, 4, 5, 6)
    assert show_cores((6, 0, 1, 4, 5)) == "0-1,4-6"
    assert check_cores(4) == "4", "as YAML gives it"
    for wrong in ("", "fast", "3-1", "1,,2", "-1", "0x1"):
        with pytest.raises(BadValueError, match="expected cores: one of little, middle, big, or numbers"):
            check_cores(wrong)


def test_kinds_of_cores_are_told_by_capacity_else_by_clock_and_only_those_that_are_online() -> None:
    assert core_groups(PHONE) == {"little": (0, 1, 2, 3), "middle": (4, 5), "big": (6, 7)}
    assert core_groups({**PHONE, "online_cores": "0-3,7"}) == {"little": (0, 1, 2, 3), "big": (7,)}
    clocks = {"cores": "4", "core_clock_khz": "0,2:1800000 1,3:2400000"}
    assert core_groups(clocks) == {"little": (0, 2), "big": (1, 3)}
    assert core_groups({**clocks, "core_capacity": "0,2:1024 1,3:400"}) == {"little": (1, 3), "big": (0, 2)}
    assert core_groups({"cores": "4", "core_capacity": "0-3:1024"}) == {}
    assert core_groups({"cores": "4"}) == {}


def test_a_placement_says_where_a_file_runs() -> None:
    assert str(place_on_cores("phone", PHONE, 2, "big")) == "2 threads pinned to cores 6-7 (big)"
    assert str(place_on_cores("phone", PHONE, 1, "3")) == "1 thread pinned to core 3"
    assert str(place_on_cores("phone", PHONE, 4, None)) == "4 threads, not pinned"


@pytest.mark.parametrize(
    ("told", "threads", "wanted", "message"),
    [
        (PHONE, 1, "6-9", "has no core 8-9: those that are there and online are 0-7"),
        ({**PHONE, "online_cores": "0-5"}, 1, "6", "has no core 6: those that are there and online are 0-5"),
        (PHONE, 3, "big", "3 threads on device 'phone' would wait for one another: big is 2 cores (6-7)"),
        (PHONE, 9, None, "9 threads on device 'phone' would wait for one another: it has 8 cores (0-7)"),
        ({"cores": "4"}, 1, "big", "has no big cores: all of its cores are of one kind"),
        ({**PHONE, "online_cores": "0-5"}, 1, "middle", "has no middle cores: little 0-3, big 4-5"),
    ],
)
def test_cores_that_are_not_there_are_said(
    told: dict[str, str], threads: int, wanted: str | None, message: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        place_on_cores("phone", told, threads, wanted)
    assert message in raised.value.message


def test_an_emulated_board_has_one_thread() -> None:
    device = load_device("raspberry-pi-4-emulated", ROOT)
    told = {"emulated": "true", "cores": "4"}
    assert BoardSettings().placement(device, told) == Placement()
    for settings in (BoardSettings(threads=4), BoardSettings(cores="1")):
        with pytest.raises(ConfigError, match="is emulated and runs one thread on a core of its own"):
            settings.placement(device, told)
    with pytest.raises(ConfigError, match="its instructions are counted, and no process more tells better"):
        BoardSettings(precision=0.01).placement(device, told)


def test_the_device_file_says_it_and_the_command_line_another() -> None:
    device = Device(name="phone", transport="local", bench=Bench(threads=2, cores="big"))
    assert BoardSettings().placement(device, PHONE) == Placement(2, (6, 7), "big")
    assert BoardSettings(threads=1, cores="0").placement(device, PHONE) == Placement(1, (0,), "0")


@contextmanager
def watched(folder: Path) -> Iterator[tuple[Path, set[str]]]:
    """An interpreter for a device, and the cores that each thread of what it runs was allowed, as the kernel says."""
    script, seen = folder / "watched-python", set[str]()
    script.write_text(f'#!/bin/sh\necho $$ >{folder}/pid\nexec {sys.executable} "$@"\n')
    script.chmod(0o755)
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            try:
                pid = int((folder / "pid").read_text())
                if b"board" not in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                    continue
                tasks = [task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/status")]
            except (OSError, ValueError):
                continue
            lines = [line for task in tasks for line in task.splitlines() if line.startswith("Cpus_allowed_list")]
            seen.add(" ".join(sorted(line.split()[1] for line in lines)))
            time.sleep(0.001)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield script, seen
    finally:
        done.set()
        watcher.join()


def test_every_thread_of_a_pinned_file_is_on_its_cores(file: Path, tmp_path: Path) -> None:
    with watched(tmp_path) as (python, seen):
        device = Device(name="host", transport="local", options={"python": str(python)})
        bench = measure_on_device(device, file, SAMPLES, BoardSettings(2000, 2, cores=str(LAST)))
    assert f"1 thread pinned to core {LAST}" in bench.figures[0].provenance
    assert (bench.conditions["threads"], bench.conditions["cores"]) == (1, [LAST])
    last = [states for states in seen if set(states.split()) >= {str(LAST)}]
    assert last, f"the kernel never said that it was on core {LAST}: {seen}"


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core is all that may be used here")
def test_threads_start_threads(file: Path, tmp_path: Path) -> None:
    with watched(tmp_path) as (python, seen):
        device = Device(name="host", transport="local", options={"python": str(python)})
        bench = measure_on_device(device, file, SAMPLES, BoardSettings(2000, 2, threads=2))
    assert "2 threads, not pinned" in bench.figures[0].provenance
    assert max(len(states.split()) for states in seen) >= 2


def test_a_core_that_the_system_refuses_is_an_error(file: Path) -> None:
    device = load_device("host", ROOT)
    with connected(device) as transport:
        for cores in ((ABSENT,), (LAST, ABSENT)):
            board = place(transport, device, file, SAMPLES, Placement(1, cores))
            with pytest.raises(DeviceError, match=rf"cannot pin to cores {','.join(map(str, cores))}: ") as raised:
                board.run(20)
            assert "name others with --cores" in str(raised.value.remedy)


def test_a_core_that_went_offline_meanwhile_is_an_error() -> None:
    require_cores(Placement(1, (1, 3)), [1, 3])
    require_cores(Placement(1), [0, 1, 2, 3])
    with pytest.raises(DeviceError, match="it began as 1 thread pinned to cores 1,3, and ended on 1"):
        require_cores(Placement(1, (1, 3)), [1])


@needs_sshd
def test_big_cores_of_a_board_over_ssh_are_found_and_used(file: Path, tmp_path: Path) -> None:
    if not {0, 1} <= os.sched_getaffinity(0):
        pytest.skip("cores 0 and 1 may not be used here")
    with sys_board(tmp_path, capacities=(160, 1024)) as board:
        bench = measure_on_device(board.device(cores="big"), file, SAMPLES, BoardSettings(20, 2))
        assert bench.conditions["cores"] == [1]
        assert bench.conditions["before"]["core_capacity"] == "0:160 1:1024"
        assert "1 thread pinned to core 1 (big)" in bench.figures[0].provenance
