"""The transport adb against Debian's own adbd, reached by Android's own adb."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edgebuild.config.device import Device
from edgebuild.device.connect import connected, reach_of
from edgebuild.device.lease import holder_of
from edgebuild.device.transport import Transport
from edgebuild.errors import DeviceError, ToolError
from tests.device.adbd import Phone, adb_server, own_network, skip_without_adbd
from tests.device.strangers import Mute, Unauthorizing
from tests.device.waiting import eventually


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    skip_without_adbd()
    with own_network(), adb_server(tmp_path_factory.mktemp("adb")):
        yield


@pytest.fixture(scope="module")
def running(network: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phone]:
    phone = Phone(tmp_path_factory.mktemp("phone"))
    phone.start()
    yield phone
    phone.stop()


@pytest.fixture
def own(network: None, tmp_path: Path) -> Iterator[Phone]:
    """A phone that a test may stop."""
    phone = Phone(tmp_path / "phone", port=15557)
    phone.start()
    yield phone
    phone.stop()


@pytest.fixture
def board(running: Phone) -> Iterator[Transport]:
    transport = open_board(running)
    yield transport
    transport.close()


def device(phone: Phone, **changes: object) -> Device:
    return Device(name="phone", transport="adb", options=phone.options(**changes))


def open_board(phone: Phone, **changes: object) -> Transport:
    reach = reach_of(device(phone, **changes))
    return reach.kind.open("phone", reach.options)


def new_token() -> int:
    """As leases have them."""
    return time.time_ns() // 1_000_000


def test_a_program_that_was_pushed_runs_and_its_result_is_pulled(board: Transport, tmp_path: Path) -> None:
    script = tmp_path / "double.sh"
    script.write_text("#!/bin/sh\nmkdir out && echo $((2 * $(cat 'in/a number/n'))) >out/result\n")
    script.chmod(0o755)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "n").write_text("21")
    board.push(script, "double.sh")
    board.push(tmp_path / "folder", "in/a number")
    completed = board.run(["./double.sh"], timeout=60)
    assert completed.exit_code == 0, completed.stderr
    board.pull("out", tmp_path / "pulled")
    assert (tmp_path / "pulled" / "result").read_text() == "42\n"


def test_a_large_file_comes_back_as_it_was(board: Transport, tmp_path: Path) -> None:
    content = os.urandom(5_000_001)
    (tmp_path / "large").write_bytes(content)
    board.push(tmp_path / "large", "there")
    board.pull("there", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == content


def test_exit_code_streams_and_arguments_arrive_as_they_are(board: Transport) -> None:
    program = 'echo "$2"; echo complained >&2; exit $1'
    odd = 'it\'s "$HOME" \\ *\n; rm -rf x'
    completed = board.run(["sh", "-c", program, "sh", "7", odd], timeout=60)
    assert (completed.exit_code, completed.stdout, completed.stderr) == (7, f"{odd}\n".encode(), b"complained\n")


def test_large_outputs_on_both_streams_arrive_whole(board: Transport) -> None:
    program = "head -c 3000000 /dev/zero >&2 & head -c 3000000 /dev/zero; wait"
    completed = board.run(["sh", "-c", program], timeout=60)
    assert (completed.stdout, completed.stderr) == (bytes(3_000_000), bytes(3_000_000))


def test_a_timeout_kills_the_program_and_its_children(board: Transport, running: Phone) -> None:
    before = running.processes()
    with pytest.raises(DeviceError, match=r"device 'phone': 'sh' did not end within 1 s, and was stopped"):
        board.run(["sh", "-c", "sleep 60 & touch started; wait"], timeout=1)
    assert eventually(lambda: running.processes() == before)
    assert board.run(["ls"], timeout=60).stdout == b"started\n"


def test_a_missing_program_is_named(board: Transport) -> None:
    with pytest.raises(DeviceError, match="device 'phone': cannot start 'no-such-program': No such file or directory"):
        board.run(["no-such-program"], timeout=60)


def test_a_program_for_another_machine_is_named(board: Transport, tmp_path: Path) -> None:
    program = tmp_path / "model-runner"
    program.write_bytes(bytes.fromhex("7f454c4602010100000000000000000002002800") + b"\0" * 100)
    program.chmod(0o755)
    board.push(program, "model-runner")
    here = {"x86_64": "x86-64"}.get(os.uname().machine, os.uname().machine)
    with pytest.raises(DeviceError, match=f"'./model-runner': it is a program for arm, the device is {here}"):
        board.run(["./model-runner"], timeout=60)


def test_copying_what_is_not_there_names_it(board: Transport, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"cannot copy .*absent\.bin to .*: No such file or directory"):
        board.pull("absent.bin", tmp_path / "x")
    with pytest.raises(DeviceError, match=r"cannot copy .*absent\.bin to there: No such file or directory"):
        board.push(tmp_path / "absent.bin", "there")
    (tmp_path / "file").write_text("x")
    with pytest.raises(DeviceError, match="leaves the working folder"):
        board.push(tmp_path / "file", "../escaped")


def test_the_properties_are_those_of_the_machine(board: Transport) -> None:
    found = board.properties()
    assert found["architecture"] == os.uname().machine
    assert found["kernel"] == os.uname().release
    assert int(found["memory_kib"]) > 100_000
    assert "android" not in found, "it has no getprop"


def test_each_connection_has_a_work_folder_of_its_own_that_goes_with_it(running: Phone, board: Transport) -> None:
    before = running.work_folders()
    other = open_board(running)
    other.run(["touch", "here"], timeout=60)
    assert board.run(["ls"], timeout=60).stdout == b""
    assert len(running.work_folders()) == len(before) + 1
    other.close()
    assert running.work_folders() == before


def test_a_killed_client_leaves_neither_program_nor_folder(running: Phone) -> None:
    program = (
        "from edgebuild.config.device import Device\n"
        "from edgebuild.device.connect import connected\n"
        f"device = Device(name='phone', transport='adb', options={running.options()!r})\n"
        "with connected(device) as board:\n"
        "    board.run(['sh', '-c', 'touch started; sleep 60; true'], timeout=60)\n"
    )
    before = running.processes()
    client = subprocess.Popen([sys.executable, "-c", program])
    assert eventually(lambda: list(running.data.glob("local/tmp/edgebuild/work-*/started")))
    client.send_signal(signal.SIGKILL)
    client.wait()
    assert eventually(lambda: (running.work_folders(), running.processes()) == ([], before))
    with connected(device(running)) as board:
        assert board.run(["true"], timeout=60).exit_code == 0


def test_a_device_that_goes_while_a_program_runs_is_named_and_its_lease_is_free(own: Phone) -> None:
    failures: list[DeviceError] = []

    def work() -> None:
        try:
            with connected(device(own)) as board:
                board.run(["sh", "-c", "touch started; sleep 600; true"], timeout=600)
        except DeviceError as error:
            failures.append(error)

    working = threading.Thread(target=work)
    working.start()
    assert eventually(lambda: list(own.data.glob("local/tmp/edgebuild/work-*/started")))
    own.stop()
    working.join()
    assert re.match(
        rf"device 'phone' is gone: the connection to {own.serial} broke while it was to run 'sh'", str(failures[0])
    )
    address = reach_of(device(own)).address
    assert address is not None
    assert holder_of(address) is None
    own.start()
    with connected(device(own)) as board:
        assert board.run(["echo", "back"], timeout=60).stdout == b"back\n"


def test_a_device_that_hangs_is_gone_when_the_time_of_a_program_is_over(
    own: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgebuild.device.adb.STOP_SECONDS", 0.5)
    board = open_board(own)

    def freeze() -> None:
        assert eventually(lambda: list(own.data.glob("local/tmp/edgebuild/work-*/started")))
        os.kill(own.adbd, signal.SIGSTOP)

    freezing = threading.Thread(target=freeze)
    freezing.start()
    try:
        with pytest.raises(DeviceError, match=r"'phone' is gone: .* to stop 'sh': it did not answer for 0\.5 s"):
            board.run(["sh", "-c", "touch started; sleep 600; true"], timeout=3)
    finally:
        freezing.join()
        os.kill(own.adbd, signal.SIGCONT)
        board.close()


def test_a_later_job_ends_what_a_late_one_left_and_the_late_one_is_told(running: Phone) -> None:
    late, later, token = open_board(running), open_board(running), new_token()
    late.fence(token, 600)  # type: ignore[attr-defined]
    ended = []

    def hang() -> None:
        ended.append(late.run(["sh", "-c", "touch started; sleep 600; true"], timeout=600))

    hanging = threading.Thread(target=hang)
    hanging.start()
    assert eventually(lambda: list(running.data.glob("local/tmp/edgebuild/work-*/started")))
    later.fence(token + 1, 600)  # type: ignore[attr-defined]
    hanging.join()
    assert ended[0].exit_code == 128 + signal.SIGKILL
    with pytest.raises(DeviceError, match=r"device 'phone': the (lease \d+ is over|work folder is gone)"):
        late.run(["true"], timeout=60)
    assert later.run(["echo", "mine"], timeout=60).stdout == b"mine\n"
    late.close()
    later.close()


def test_another_machine_is_told_who_has_the_device(running: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, token = open_board(running), open_board(running), new_token()
    first.fence(token, 600)  # type: ignore[attr-defined]
    monkeypatch.setattr("edgebuild.device.remote.owner", lambda: "1000@elsewhere")
    with pytest.raises(DeviceError, match=r"device 'phone' is busy: \S+@\S+ has the device for another \d+ s"):
        second.fence(token + 1, 600)  # type: ignore[attr-defined]
    first.close()
    second.fence(token + 1, 600)  # type: ignore[attr-defined]
    second.close()


def test_two_jobs_of_one_machine_want_one_device(running: Phone) -> None:
    with (
        connected(device(running)),
        pytest.raises(DeviceError, match=r"'phone' is busy: process \d+ of"),
        connected(device(running)),
    ):
        raise AssertionError


def test_a_full_device_is_named_and_keeps_no_half_of_a_file(board: Transport, tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as large:
        large.truncate(64 * 1024 * 1024)
    (tmp_path / "small").write_bytes(b"room for this")
    with pytest.raises(DeviceError, match=r"device 'phone' is full: \d+ KiB free, large has 65536 KiB"):
        board.push(tmp_path / "large", "large")
    board.push(tmp_path / "small", "small")
    assert board.run(["ls"], timeout=60).stdout == b"small\n"


def test_a_folder_that_cannot_be_made_is_named(running: Phone) -> None:
    with pytest.raises(DeviceError, match="device 'phone': cannot make the folder /proc/edgebuild"):
        open_board(running, folder="/proc/edgebuild")


def test_a_device_that_is_not_there_is_named_with_those_that_are(running: Phone, board: Transport) -> None:
    with pytest.raises(DeviceError, match=rf"device 'phone' is not there: 0A1B2C: adb has {running.serial} \(device\)"):
        open_board(running, serial="0A1B2C")
    with pytest.raises(DeviceError, match=r"is not there: 127\.0\.0\.1:9: failed to connect to .*: Connection refused"):
        open_board(running, serial="127.0.0.1:9", connect_timeout="1 s")


def test_a_device_that_does_not_trust_this_machine_is_named(running: Phone) -> None:
    with Unauthorizing() as stranger:
        with pytest.raises(DeviceError, match=r"does not trust this machine \(adb says unauthorized\)") as caught:
            open_board(running, serial=stranger.serial)
        assert stranger.keys > 0, "adb showed the public key of this machine"
    assert "allow USB debugging" in str(caught.value.remedy)


def test_a_device_that_says_nothing_is_named(running: Phone) -> None:
    with Mute() as stranger, pytest.raises(DeviceError, match=r"device 'phone'.* (did not|does not) answer"):
        open_board(running, serial=stranger.serial, connect_timeout="1 s")


def test_a_server_of_another_machine_is_not_started_here(network: None) -> None:
    options = {"serial": "0A1B2C", "server_host": "localhost.localdomain.invalid", "server_port": 5038}
    reach = reach_of(Device(name="phone", transport="adb", options=options))
    with pytest.raises(ToolError, match=r"no adb server answers on localhost\.localdomain\.invalid:5038"):
        reach.kind.open("phone", reach.options)


def test_connections_leave_nothing_and_work_beside_each_other(running: Phone) -> None:
    def work(number: int) -> bytes:
        board = open_board(running)
        try:
            return board.run(["sh", "-c", f"echo {number} >n; sleep 0.2; cat n"], timeout=120).stdout
        finally:
            board.close()

    def used() -> tuple[int, int, list[str]]:
        return len(list(Path("/proc/self/fd").iterdir())), running.processes(), running.work_folders()

    assert work(0) == b"0\n"
    before = used()
    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(work, range(20))) == [f"{number}\n".encode() for number in range(20)]
    assert eventually(lambda: used() == before), (used(), before)
