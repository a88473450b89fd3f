"""The local transport, with real programs."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgebuild.config.registries import TRANSPORTS
from edgebuild.device.transport import Transport, require_properties
from edgebuild.errors import DeviceError


@pytest.fixture
def host() -> Iterator[Transport]:
    kind = TRANSPORTS.get("local")
    transport = kind.open("host", kind.parameters())
    yield transport
    transport.close()


def test_a_program_that_was_pushed_runs_and_its_result_is_pulled(host: Transport, tmp_path: Path) -> None:
    script = tmp_path / "double.py"
    script.write_text(
        "from pathlib import Path\nPath('out/result').write_text(str(2 * int(Path('in/n').read_text())))\n"
    )
    (tmp_path / "n").write_text("21")
    host.push(script, "double.py")
    host.push(tmp_path / "n", "in/n")
    host.run(["mkdir", "out"], timeout=10)
    completed = host.run([sys.executable, "double.py"], timeout=10)
    assert completed.exit_code == 0, completed.stderr
    host.pull("out", tmp_path / "pulled")
    assert (tmp_path / "pulled" / "result").read_text() == "42"


def test_a_non_zero_exit_code_is_a_result(host: Transport) -> None:
    completed = host.run(["sh", "-c", "echo said; echo complained >&2; exit 7"], timeout=10)
    assert (completed.exit_code, completed.stdout, completed.stderr) == (7, b"said\n", b"complained\n")


def test_the_time_is_the_wall_time(host: Transport) -> None:
    completed = host.run(["sleep", "0.3"], timeout=10)
    assert 0.3 <= completed.seconds < 5


def test_large_outputs_on_both_streams_arrive_whole(host: Transport) -> None:
    size = 3_000_000
    program = f"import sys; sys.stdout.write('o' * {size}); sys.stderr.write('e' * {size})"
    completed = host.run([sys.executable, "-c", program], timeout=30)
    assert (completed.stdout, completed.stderr) == (b"o" * size, b"e" * size)


def test_a_timeout_kills_the_program_and_its_children(host: Transport, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    with pytest.raises(DeviceError, match=r"device 'host': 'sh' did not end within 0\.5 s, and was stopped"):
        host.run(["sh", "-c", f"sleep 60 & echo $! > {pid_file}; wait"], timeout=0.5)
    child = int(pid_file.read_text())
    deadline = time.monotonic() + 5
    while _alive(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _alive(child)


def test_a_missing_program_is_named(host: Transport) -> None:
    with pytest.raises(DeviceError, match="cannot start 'no-such-program': No such file or directory"):
        host.run(["no-such-program"], timeout=1)


def test_pulling_what_is_not_there_names_it(host: Transport, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"cannot copy .*absent\.bin to .*: No such file or directory"):
        host.pull("absent.bin", tmp_path / "x")


@pytest.mark.parametrize("name", ["../escaped", "/etc/escaped", "a/../../escaped"])
def test_a_path_cannot_leave_the_working_folder(host: Transport, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DeviceError, match="leaves the working folder"):
        host.push(tmp_path / "file", name)


def test_the_working_folder_goes_when_the_connection_is_closed(tmp_path: Path) -> None:
    kind = TRANSPORTS.get("local")
    transport = kind.open("host", kind.parameters())
    folder = Path(transport.run(["pwd"], timeout=5).stdout.decode().strip())
    assert folder.is_dir()
    transport.close()
    assert not folder.exists()


def test_the_properties_are_those_of_this_machine(host: Transport) -> None:
    found = host.properties()
    assert found["architecture"] == os.uname().machine
    assert int(found["cores"]) >= 1
    assert int(found["memory_kib"]) > 100_000
    require_properties("host", {"architecture": os.uname().machine}, found)


def test_a_device_that_is_another_one_is_refused_with_all_differences() -> None:
    with pytest.raises(DeviceError) as caught:
        require_properties("pi", {"cpu": "cortex-a72", "cores": "4"}, {"cpu": "cortex-a53"})
    assert "cpu: cortex-a53, expected cortex-a72; cores: not told, expected 4" in str(caught.value)


def _alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
