"""The transport qemu-user: programs of another processor, run and counted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from edgebuild.config.read_device import load_device
from edgebuild.device.connect import connected, reach_of
from edgebuild.device.qemu_user import QemuUserTransport, linux_board_of
from edgebuild.device.sysroot import sysroot
from edgebuild.errors import ConfigError, DeviceError, ToolError
from tests.device.boards import skip_without_boards
from tests.device.waiting import eventually, with_argument

ROOT = Path(__file__).resolve().parents[2]
COUNTED = """
import os
def mark(number):
    try:
        os.sched_get_priority_max(0x5EED0000 + number)
    except OSError:
        pass
def work(times):
    for _ in range(times):
        pass
for number, times in enumerate([1000, 2000, 3000]):
    mark(number)
    work(times)
mark(3)
"""


@pytest.fixture(scope="module")
def board() -> Iterator[QemuUserTransport]:
    skip_without_boards()
    with connected(load_device("raspberry-pi-4-emulated", ROOT)) as transport:
        assert isinstance(transport, QemuUserTransport)
        yield transport


def test_programs_see_the_processor_of_the_board(board: QemuUserTransport) -> None:
    program = (
        "import os, platform; print(platform.machine(), open('/proc/cpuinfo').read().count('0xd08'), dict(os.environ))"
    )
    completed = board.run(["python3.11", "-c", program], timeout=60)
    assert completed.exit_code == 0, completed.stderr
    assert completed.stdout.startswith(b"aarch64 4 {")
    assert b"HOME" not in completed.stdout, "nothing of this machine's environment"


def test_a_board_of_32_bits_has_its_own_system(tmp_path: Path) -> None:
    skip_without_boards("armhf")
    with connected(load_device("raspberry-pi-2-emulated", ROOT)) as transport:
        program = (
            "import platform, sys; print(platform.machine(), sys.maxsize, open('/proc/cpuinfo').read().count('0xc07'))"
        )
        assert transport.run(["python3.11", "-c", program], timeout=60).stdout == b"armv7l 2147483647 4\n"
        board = "device 'raspberry-pi-2-emulated'"
        transport.push(sysroot("arm64").python, "here")
        with pytest.raises(DeviceError, match=f"{board}: cannot start './here': it is no program for armv7l"):
            transport.run(["./here"], timeout=5)


def test_what_was_pushed_is_read_and_what_is_written_is_pulled(board: QemuUserTransport, tmp_path: Path) -> None:
    (tmp_path / "n").write_text("21")
    board.push(tmp_path / "n", "in/n")
    program = "open('out', 'w').write(str(2 * int(open('in/n').read()))); raise SystemExit(7)"
    assert board.run(["python3.11", "-c", program], timeout=60).exit_code == 7
    board.pull("out", tmp_path / "out")
    assert (tmp_path / "out").read_text() == "42"


def test_counts_are_the_same_in_every_run_and_follow_the_work(board: QemuUserTransport, tmp_path: Path) -> None:
    (tmp_path / "counted.py").write_text(COUNTED)
    board.push(tmp_path / "counted.py", "counted.py")
    runs = [board.run_counted(["python3.11", "counted.py"], timeout=120)[1] for _ in range(2)]
    passed = []
    for counts in runs:
        assert [number for number, _ in counts.calls] == [0, 1, 2, 3]
        assert counts.executed == {}
        totals = [total for _, total in counts.calls]
        passed.append([after - before for before, after in pairwise(totals)])
    assert passed[0] == passed[1]
    first, second, third = passed[0]
    assert third - second == pytest.approx(second - first, rel=0.05)
    assert second - first > 1000 * 5, "more than a few instructions for each turn of the loop"


def test_a_timeout_ends_the_emulator(board: QemuUserTransport) -> None:
    start = time.monotonic()
    with pytest.raises(DeviceError, match=r"'python3\.11' did not end within 1 s, and was stopped"):
        board.run(["python3.11", "-c", "while True: pass"], timeout=1)
    assert time.monotonic() - start < 30


@pytest.mark.parametrize(
    ("name", "why"), [("no-such-program", "No such file"), ("./here", "it is no program for aarch64")]
)
def test_what_cannot_run_there_is_named(board: QemuUserTransport, name: str, why: str) -> None:
    program = shutil.which("true")
    assert program is not None
    board.push(Path(program), "here")
    with pytest.raises(DeviceError, match=f"device 'raspberry-pi-4-emulated': cannot start '{name}': {why}"):
        board.run([name], timeout=5)


def test_nothing_is_left_of_a_board() -> None:
    skip_without_boards()
    with connected(load_device("raspberry-pi-4-emulated", ROOT)) as transport:
        assert isinstance(transport, QemuUserTransport)
        folder, root = transport.folder, transport._root.path
        assert (root / "proc" / "cpuinfo").is_file()
    assert not folder.exists()
    assert not root.exists()


CLIENT = """
import sys
from pathlib import Path
from edgebuild.config.read_device import load_device
from edgebuild.device.connect import connected
with connected(load_device("raspberry-pi-4-emulated", Path(sys.argv[1]))) as board:
    board.run(["python3.11", "-c", "import sys, time; time.sleep(float(sys.argv[1]))", sys.argv[2]], timeout=600)
"""


def test_a_killed_client_leaves_no_emulator(tmp_path: Path) -> None:
    skip_without_boards()
    minutes = f"600.{os.getpid()}"
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    client = subprocess.Popen([sys.executable, "-c", CLIENT, str(ROOT), minutes], env=environment)
    assert eventually(lambda: len(with_argument(minutes)) == 2), "the client and QEMU"
    client.kill()
    client.wait()
    assert eventually(lambda: with_argument(minutes) == [])
    assert eventually(lambda: list(tmp_path.glob("edgebuild-scratch-device-*")) == [])


def test_a_missing_emulator_is_named_with_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    reach = reach_of(load_device("raspberry-pi-4-emulated", ROOT))
    with pytest.raises(ToolError, match="qemu-aarch64 is missing; it is needed for emulating 64-bit Arm") as caught:
        reach.kind.open("board", reach.options)
    assert caught.value.remedy == "apt-get install -y --no-install-recommends qemu-user"


def test_a_device_of_another_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="device 'host' is reached by 'local': it is no emulated Linux board"):
        linux_board_of(load_device("host", ROOT))
