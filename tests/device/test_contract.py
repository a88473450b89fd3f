"""What every transport does, and what every one over a wire does: each promise once, against every kind of device."""

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
from itertools import count
from pathlib import Path

import pytest

from edgebuild.device.connect import connected, reach_of
from edgebuild.device.lease import holder_of
from edgebuild.device.transport import Transport
from edgebuild.errors import DeviceError
from tests.device.peers import Peer, RemotePeer, running
from tests.device.waiting import eventually, with_argument

OVER_A_WIRE = pytest.mark.parametrize("peer", ["ssh", "adb"], indirect=True)
SLEEP = 'touch started; sleep "$1"; true'
"""A program for sh that lasts as long as its argument says."""
_numbers = count()


@pytest.fixture(scope="module", params=["ssh", "adb", "local"])
def peer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with running(request.param, tmp_path_factory.mktemp(request.param)) as found:
        yield found


@pytest.fixture
def remote(peer: Peer) -> RemotePeer:
    assert isinstance(peer, RemotePeer)
    return peer


@pytest.fixture
def own(remote: RemotePeer, tmp_path: Path) -> Iterator[RemotePeer]:
    """A device that a test may stop."""
    with remote.another(tmp_path / "own") as found:
        yield found


@pytest.fixture
def board(peer: Peer) -> Iterator[Transport]:
    transport = peer.open()
    yield transport
    transport.close()


@pytest.fixture
def minutes() -> str:
    """Seconds for `sleep`, as no other process of this machine has them: by them it is found again."""
    return f"600.{os.getpid()}{next(_numbers):03}"


def new_token() -> int:
    """As leases have them."""
    return time.time_ns() // 1_000_000


def has_started(remote: RemotePeer) -> bool:
    """Whether `SLEEP` sleeps there."""
    return any(remote.machine.home.glob("work-*/started"))


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
    assert (completed.exit_code, completed.stdout) == (7, f"{odd}\n".encode())
    assert completed.stderr.endswith(b"complained\n"), "after what the login's own start files may say"


def test_large_outputs_on_both_streams_arrive_whole(board: Transport) -> None:
    program = "head -c 3000000 /dev/zero >&2 & head -c 3000000 /dev/zero; wait"
    completed = board.run(["sh", "-c", program], timeout=60)
    assert completed.stdout == bytes(3_000_000)
    assert completed.stderr.endswith(bytes(3_000_000)), "after what the login's own start files may say"
    assert completed.stderr.count(b"\0") == 3_000_000


def test_a_timeout_kills_the_program_and_its_children(board: Transport, minutes: str) -> None:
    program = 'sleep "$1" & touch started; wait'
    with pytest.raises(DeviceError, match=r"device 'board': 'sh' did not end within 1 s, and was stopped"):
        board.run(["sh", "-c", program, "sh", minutes], timeout=1)
    assert eventually(lambda: with_argument(minutes) == []), "far less than the minutes it would sleep"
    assert board.run(["ls"], timeout=60).stdout == b"started\n"


def test_a_missing_program_is_named(board: Transport) -> None:
    with pytest.raises(DeviceError, match="device 'board': cannot start 'no-such-program': No such file or directory"):
        board.run(["no-such-program"], timeout=60)


def test_copying_what_is_not_there_names_it(board: Transport, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"cannot copy .*absent\.bin to .*: No such file or directory"):
        board.pull("absent.bin", tmp_path / "x")
    with pytest.raises(DeviceError, match=r"cannot copy .*absent\.bin to .*there: No such file or directory"):
        board.push(tmp_path / "absent.bin", "there")


@pytest.mark.parametrize("name", ["../escaped", "/etc/escaped", "a/../../escaped"])
def test_a_path_cannot_leave_the_work_folder(board: Transport, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DeviceError, match="leaves the working folder"):
        board.push(tmp_path / "file", name)


def test_the_properties_are_those_of_the_machine(board: Transport) -> None:
    found = board.properties()
    assert found["architecture"] == os.uname().machine
    assert found["kernel"] == os.uname().release
    assert int(found["cores"]) >= 1
    assert int(found["memory_kib"]) > 100_000
    assert "android" not in found, "it has no getprop"


def test_each_connection_has_a_work_folder_of_its_own(peer: Peer, board: Transport) -> None:
    other = peer.open()
    other.run(["touch", "here"], timeout=60)
    assert board.run(["ls"], timeout=60).stdout == b""
    other.close()


@OVER_A_WIRE
def test_a_work_folder_goes_with_its_connection(remote: RemotePeer) -> None:
    before = remote.machine.work_folders()
    other = remote.open()
    assert len(remote.machine.work_folders()) == len(before) + 1
    other.close()
    assert remote.machine.work_folders() == before


@OVER_A_WIRE
def test_a_program_for_another_machine_is_named(board: Transport, tmp_path: Path) -> None:
    program = tmp_path / "model-runner"
    program.write_bytes(bytes.fromhex("7f454c4602010100000000000000000002002800") + b"\0" * 100)
    program.chmod(0o755)
    board.push(program, "model-runner")
    here = {"x86_64": "x86-64"}.get(os.uname().machine, os.uname().machine)
    with pytest.raises(DeviceError, match=f"'./model-runner': it is a program for arm, the device is {here}"):
        board.run(["./model-runner"], timeout=60)


@OVER_A_WIRE
def test_a_killed_client_leaves_neither_program_nor_folder(remote: RemotePeer, minutes: str) -> None:
    program = (
        "from edgebuild.config.device import Device\n"
        "from edgebuild.device.connect import connected\n"
        f"device = Device(name='board', transport={remote.transport!r}, options={remote.options()!r})\n"
        "with connected(device) as board:\n"
        f"    board.run(['sh', '-c', {SLEEP!r}, 'sh', {minutes!r}], timeout=60)\n"
    )
    before = remote.machine.processes()
    client = subprocess.Popen([sys.executable, "-c", program])
    assert eventually(lambda: has_started(remote))
    assert with_argument(minutes) != []
    client.send_signal(signal.SIGKILL)
    client.wait()
    assert eventually(lambda: (remote.machine.work_folders(), with_argument(minutes)) == ([], []))
    assert eventually(lambda: remote.machine.processes() <= before)
    with connected(remote.device()) as board:
        assert board.run(["true"], timeout=60).exit_code == 0


@OVER_A_WIRE
def test_a_device_that_goes_while_a_program_runs_is_named_and_its_lease_is_free(own: RemotePeer, minutes: str) -> None:
    failures: list[DeviceError] = []

    def work() -> None:
        try:
            with connected(own.device()) as board:
                board.run(["sh", "-c", SLEEP, "sh", minutes], timeout=600)
        except DeviceError as error:
            failures.append(error)

    working = threading.Thread(target=work)
    working.start()
    assert eventually(lambda: has_started(own))
    own.machine.stop()
    working.join()
    assert re.match(r"device 'board' is gone: the connection to \S+ broke while it was to run 'sh'", str(failures[0]))
    address = reach_of(own.device()).address
    assert address is not None
    assert holder_of(address) is None
    own.machine.start()
    with connected(own.device()) as board:
        assert board.run(["echo", "back"], timeout=60).stdout == b"back\n"


@OVER_A_WIRE
def test_a_later_job_ends_what_a_late_one_left_and_the_late_one_is_told(remote: RemotePeer, minutes: str) -> None:
    late, later, token = remote.open(), remote.open(), new_token()
    late.fence(token, "ledger", 600)  # type: ignore[attr-defined]
    ended = []

    def hang() -> None:
        ended.append(late.run(["sh", "-c", SLEEP, "sh", minutes], timeout=600))

    hanging = threading.Thread(target=hang)
    hanging.start()
    assert eventually(lambda: has_started(remote))
    later.fence(token + 1, "ledger", 600)  # type: ignore[attr-defined]
    hanging.join()
    assert eventually(lambda: with_argument(minutes) == [])
    assert ended[0].exit_code == 128 + signal.SIGKILL
    with pytest.raises(DeviceError, match=r"device 'board': the (lease \d+ is over|work folder is gone)"):
        late.run(["true"], timeout=60)
    with pytest.raises(DeviceError, match=f"the lease {token} is over, {token + 1} has the device"):
        late.fence(token, "ledger", 600)  # type: ignore[attr-defined]
    assert later.run(["echo", "mine"], timeout=60).stdout == b"mine\n"
    late.close()
    later.close()


@OVER_A_WIRE
def test_another_machine_is_told_who_has_the_device(remote: RemotePeer, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, token = remote.open(), remote.open(), new_token()
    first.fence(token, "ledger", 600)  # type: ignore[attr-defined]
    monkeypatch.setattr("edgebuild.device.remote.owner", lambda *_: "1000@elsewhere/by-name/ledger")
    with pytest.raises(DeviceError, match=r"device 'board' is busy: \S+@\S+ has the device for another \d+ s"):
        second.fence(token + 1, "ledger", 600)  # type: ignore[attr-defined]
    first.close()
    second.fence(token + 1, "ledger", 600)  # type: ignore[attr-defined]
    second.close()


@OVER_A_WIRE
def test_two_jobs_of_one_machine_want_one_device(remote: RemotePeer) -> None:
    with (
        connected(remote.device()),
        pytest.raises(DeviceError, match=r"'board' is busy: process \d+ of"),
        connected(remote.device()),
    ):
        raise AssertionError


@OVER_A_WIRE
def test_a_device_that_has_two_names_here_is_had_by_one_job_only(remote: RemotePeer, minutes: str) -> None:
    other = remote.device(**remote.second_name)
    assert reach_of(other).address != reach_of(remote.device()).address, "two leases"
    ended = []

    def work() -> None:
        with connected(remote.device()) as first:
            ended.append(first.run(["sh", "-c", SLEEP, "sh", minutes], timeout=600).exit_code)

    working = threading.Thread(target=work)
    working.start()
    assert eventually(lambda: has_started(remote))
    with (
        pytest.raises(DeviceError, match=r"device 'board' is busy: \S+127\.0\.0\.1\S* has the device for") as told,
        connected(other),
    ):
        raise AssertionError
    assert "reaches the device by the name after it" in str(told.value.remedy)
    (sleeping, *_) = [pid for pid in with_argument(minutes) if Path(f"/proc/{pid}/comm").read_text() == "sleep\n"]
    os.kill(sleeping, signal.SIGTERM)
    working.join()
    assert ended == [0], "nobody ended the first"
    with connected(other) as second:
        assert second.run(["echo", "mine"], timeout=60).stdout == b"mine\n"


@OVER_A_WIRE
def test_a_full_device_is_named_and_keeps_no_half_of_a_file(remote: RemotePeer, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 64 * 1024 * 1024)
    (tmp_path / "small").write_bytes(b"room for this")
    with remote.small(tmp_path / "device") as full, connected(full.device()) as board:
        with pytest.raises(DeviceError, match=r"device 'board' is full: \d+ KiB free, large has 65536 KiB"):
            board.push(tmp_path / "large", "large")
        board.push(tmp_path / "small", "small")
        assert board.run(["ls"], timeout=60).stdout == b"small\n"


@OVER_A_WIRE
def test_connections_leave_nothing_and_a_dozen_work_beside_each_other(remote: RemotePeer) -> None:
    def work(number: int) -> bytes:
        board = remote.open()
        try:
            return board.run(["sh", "-c", f"echo {number} >n; sleep 0.2; cat n"], timeout=120).stdout
        finally:
            board.close()

    def used() -> tuple[int, int, int, int]:
        open_files = len(list(Path("/proc/self/fd").iterdir()))
        return open_files, threading.active_count(), remote.machine.processes(), len(remote.machine.work_folders())

    def nothing_is_left() -> bool:
        return all(now <= then for now, then in zip(used(), before, strict=True))

    assert work(0) == b"0\n"
    assert eventually(lambda: remote.machine.work_folders() == [])
    before = used()
    for number in range(3):
        assert work(number) == f"{number}\n".encode()
    assert eventually(nothing_is_left), (used(), before)
    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(work, range(12))) == [f"{number}\n".encode() for number in range(12)]
    assert eventually(nothing_is_left), (used(), before)
