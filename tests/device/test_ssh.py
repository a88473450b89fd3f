"""The transport ssh against Debian's own server."""

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
from edgebuild.errors import DeviceError
from tests.device.sshd import Server, descendants, needs_sshd, new_server
from tests.device.waiting import alive, eventually

pytestmark = needs_sshd
pytest.importorskip("asyncssh")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = new_server(tmp_path_factory.mktemp("sshd"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    """A server that a test may stop."""
    server = new_server(tmp_path / "sshd")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def board(running: Server) -> Iterator[Transport]:
    transport = open_board(running)
    yield transport
    transport.close()


def device(server: Server, **changes: object) -> Device:
    return Device(name="board", transport="ssh", options=server.options(**changes))


def open_board(server: Server, **changes: object) -> Transport:
    reach = reach_of(device(server, **changes))
    return reach.kind.open("board", reach.options)


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


def test_exit_code_streams_and_arguments_arrive_as_they_are(board: Transport) -> None:
    program = 'echo "$2"; echo complained >&2; exit $1'
    odd = 'it\'s "$HOME" \\ *\n; rm -rf x'
    completed = board.run(["sh", "-c", program, "sh", "7", odd], timeout=60)
    assert (completed.exit_code, completed.stdout, completed.stderr) == (7, f"{odd}\n".encode(), b"complained\n")


def test_large_outputs_on_both_streams_arrive_whole(board: Transport) -> None:
    size = 3_000_000
    program = f"import sys; sys.stdout.write('o' * {size}); sys.stderr.write('e' * {size})"
    completed = board.run([sys.executable, "-c", program], timeout=60)
    assert (completed.stdout, completed.stderr) == (b"o" * size, b"e" * size)


def test_a_timeout_kills_the_program_and_its_children(board: Transport, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    with pytest.raises(DeviceError, match=r"device 'board': 'sh' did not end within 0\.5 s, and was stopped"):
        board.run(["sh", "-c", f"sleep 60 & echo $! > {pid_file}; wait"], timeout=0.5)
    assert not alive(int(pid_file.read_text()))
    assert board.run(["echo", "still here"], timeout=60).stdout == b"still here\n"


def test_a_program_in_the_home_of_the_login_is_found(board: Transport) -> None:
    home = Path.home()
    up = "/".join([".."] * (len(home.parts) - 1))
    assert board.run([f"~/{up}/bin/echo", "~/x"], timeout=60).stdout == b"~/x\n", "only of the program"


def test_a_missing_program_is_named(board: Transport) -> None:
    with pytest.raises(DeviceError, match="device 'board': cannot start 'no-such-program': No such file or directory"):
        board.run(["no-such-program"], timeout=60)


def test_a_program_for_another_machine_is_named(board: Transport, tmp_path: Path) -> None:
    program = tmp_path / "model-runner"
    program.write_bytes(bytes.fromhex("7f454c4602010100000000000000000002002800") + b"\0" * 100)
    program.chmod(0o755)
    board.push(program, "model-runner")
    here = {"x86_64": "x86-64"}.get(os.uname().machine, os.uname().machine)
    with pytest.raises(DeviceError, match=f"'./model-runner': it is a program for arm, the device is {here}"):
        board.run(["./model-runner"], timeout=60)


def test_pulling_what_is_not_there_names_it(board: Transport, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"cannot copy .*absent\.bin to .*: No such file or directory"):
        board.pull("absent.bin", tmp_path / "x")
    with pytest.raises(DeviceError, match=r"cannot copy .*absent\.bin to there: No such file or directory"):
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


def test_each_connection_has_a_work_folder_of_its_own_that_goes_with_it(running: Server, board: Transport) -> None:
    before = running.work_folders()
    other = open_board(running)
    other.run(["touch", "here"], timeout=60)
    assert board.run(["ls"], timeout=60).stdout == b""
    assert len(running.work_folders()) == len(before) + 1
    other.close()
    assert running.work_folders() == before


def test_a_killed_client_leaves_neither_program_nor_folder(running: Server, tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from edgebuild.config.device import Device\n"
        "from edgebuild.device.connect import connected\n"
        f"device = Device(name='board', transport='ssh', options={running.options()!r})\n"
        "with connected(device) as board:\n"
        f"    board.run(['sh', '-c', 'echo $$ > {tmp_path}/pid; sleep 60; true'], timeout=60)\n"
    )
    before = running.work_folders()
    client = subprocess.Popen([sys.executable, "-c", program])
    assert eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), 30)
    assert len(running.work_folders()) == len(before) + 1
    client.send_signal(signal.SIGKILL)
    client.wait()
    assert eventually(lambda: running.work_folders() == before)
    assert not alive(int((tmp_path / "pid").read_text()))
    with connected(device(running)) as board:
        assert board.run(["true"], timeout=60).exit_code == 0


def test_an_unknown_host_is_refused_with_its_fingerprint(running: Server, tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text("")
    shown = subprocess.run(
        ["ssh-keygen", "-lf", str(running.folder / "host_key.pub")], capture_output=True, text=True, check=True
    )
    with pytest.raises(DeviceError) as caught:
        open_board(running, known_hosts=str(tmp_path / "known_hosts"))
    assert f"127.0.0.1:{running.port} is not in {tmp_path}/known_hosts" in caught.value.message
    assert shown.stdout.split()[1] in caught.value.message
    assert f"ssh -p {running.port}" in str(caught.value.remedy)


def test_a_host_with_another_key_than_before_is_refused(running: Server, tmp_path: Path) -> None:
    wrong = (running.folder / "stranger_key.pub").read_text()
    (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{running.port} {wrong}")
    with pytest.raises(DeviceError, match=r"has another key than before: ssh-ed25519 SHA256:\S+, expected SHA256:"):
        open_board(running, known_hosts=str(tmp_path / "known_hosts"))


def test_a_key_that_is_not_accepted_is_named(running: Server) -> None:
    key = str(running.folder / "stranger_key")
    with pytest.raises(DeviceError, match=f"does not accept the key {key}") as caught:
        open_board(running, key=key)
    assert f"ssh-copy-id -p {running.port}" in str(caught.value.remedy)


def test_a_key_that_cannot_be_read_is_named(running: Server, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"cannot read the key .*absent: No such file or directory"):
        open_board(running, key=str(tmp_path / "absent"))
    locked = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret words", "-f", str(locked)], check=True)
    with pytest.raises(DeviceError, match="is protected by a passphrase") as caught:
        open_board(running, key=str(locked))
    assert "ssh-add" in str(caught.value.remedy)


def test_a_device_that_is_off_is_named(own: Server) -> None:
    own.stop()
    with pytest.raises(DeviceError, match=rf"cannot reach \S+@127\.0\.0\.1:{own.port}: "):
        open_board(own)
    own.start()


def test_the_way_leads_through_another_machine(running: Server, own: Server) -> None:
    jump = {key: value for key, value in own.options().items() if key != "folder"}
    board = open_board(running, jump=jump)
    assert board.run(["echo", "arrived"], timeout=60).stdout == b"arrived\n"
    board.close()
    assert (
        "direct-tcpip" in (own.folder / "log").read_text() or "Accepted publickey" in (own.folder / "log").read_text()
    )
    unknown = {**jump, "known_hosts": str(own.folder / "nothing")}
    with pytest.raises(DeviceError, match=f"127.0.0.1:{own.port} is not in"):
        open_board(running, jump=unknown)


def test_a_device_that_goes_while_a_program_runs_is_named_and_its_lease_is_free(own: Server, tmp_path: Path) -> None:
    desk, started = device(own), tmp_path / "started"
    failures: list[DeviceError] = []

    def work() -> None:
        try:
            with connected(desk) as board:
                board.run(["sh", "-c", f"touch {started}; sleep 600; true"], timeout=600)
        except DeviceError as error:
            failures.append(error)

    working = threading.Thread(target=work)
    working.start()
    assert eventually(started.exists)
    own.stop()
    working.join()
    assert re.match(r"device 'board' is gone: the connection to \S+ broke while it was to run 'sh'", str(failures[0]))
    address = reach_of(desk).address
    assert address is not None
    assert holder_of(address) is None
    own.start()


def test_a_later_job_ends_what_a_late_one_left_and_the_late_one_is_told(running: Server, tmp_path: Path) -> None:
    late, later, token = open_board(running), open_board(running), new_token()
    late.fence(token, 600)  # type: ignore[attr-defined]
    ended = []

    def hang() -> None:
        ended.append(late.run(["sh", "-c", f"echo $$ > {tmp_path}/pid; sleep 600; true"], timeout=600))

    hanging = threading.Thread(target=hang)
    hanging.start()
    assert eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    later.fence(token + 1, 600)  # type: ignore[attr-defined]
    assert eventually(lambda: not alive(int((tmp_path / "pid").read_text())))
    hanging.join()
    assert ended[0].exit_code == 128 + signal.SIGKILL
    with pytest.raises(DeviceError, match=r"device 'board': the (lease \d+ is over|work folder is gone)"):
        late.run(["true"], timeout=60)
    with pytest.raises(DeviceError, match=f"the lease {token} is over, {token + 1} has the device"):
        late.fence(token, 600)  # type: ignore[attr-defined]
    assert later.run(["echo", "mine"], timeout=60).stdout == b"mine\n"
    late.close()
    later.close()


def test_another_machine_is_told_who_has_the_device(running: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, token = open_board(running), open_board(running), new_token()
    first.fence(token, 600)  # type: ignore[attr-defined]
    monkeypatch.setattr("edgebuild.device.remote.owner", lambda: "1000@elsewhere")
    with pytest.raises(DeviceError, match=r"device 'board' is busy: \S+@\S+ has the device for another \d+ s"):
        second.fence(token + 1, 600)  # type: ignore[attr-defined]
    first.close()
    second.fence(token + 1, 600)  # type: ignore[attr-defined]
    second.close()


def test_a_full_device_is_named_and_keeps_no_half_of_a_file(tmp_path: Path) -> None:
    server = new_server(tmp_path / "sshd", prefix=small_disk(tmp_path / "sshd" / "device"))
    server.start()
    try:
        with connected(device(server)) as board:
            (tmp_path / "large").write_bytes(os.urandom(3 * 1024 * 1024))
            (tmp_path / "small").write_bytes(b"room for this")
            with pytest.raises(DeviceError, match=r"device 'board' is full: \d+ KiB free, large has 3072 KiB"):
                board.push(tmp_path / "large", "large")
            board.push(tmp_path / "small", "small")
            assert board.run(["ls"], timeout=60).stdout == b"small\n"
    finally:
        server.stop()


def small_disk(folder: Path) -> tuple[str, ...]:
    """What to start a server with so that `folder` has 2 MiB for it, and for nobody else."""
    folder.mkdir(parents=True)
    mount = f'mount -t tmpfs -o size=2m none "{folder}" && exec "$@"'
    prefix = ("unshare", "-m", "sh", "-c", mount, "sh")
    tried = subprocess.run([*prefix, "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"no small file system can be mounted here: {tried.stderr.strip()}")
    return prefix


def test_many_connections_one_after_the_other_leave_nothing(running: Server) -> None:
    desk = device(running)

    def used() -> tuple[int, int, int, list[str]]:
        assert running.process is not None
        return (
            len(list(Path("/proc/self/fd").iterdir())),
            threading.active_count(),
            len(descendants(running.process.pid)),
            running.work_folders(),
        )

    with connected(desk) as board:
        board.run(["true"], timeout=60)
    assert eventually(lambda: used()[2] == 0)
    before = used()
    for number in range(10):
        with connected(desk) as board:
            assert board.run(["echo", str(number)], timeout=60).stdout == f"{number}\n".encode()
    assert eventually(lambda: all(now <= then for now, then in zip(used(), before, strict=True))), (used(), before)


def test_twenty_connections_at_once_work_beside_each_other(running: Server) -> None:
    def work(number: int) -> bytes:
        board = open_board(running)
        try:
            return board.run(["sh", "-c", f"echo {number} >n; sleep 0.2; cat n"], timeout=120).stdout
        finally:
            board.close()

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(work, range(20))) == [f"{number}\n".encode() for number in range(20)]
