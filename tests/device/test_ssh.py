"""What only ssh does, against Debian's own server; the rest is in `test_contract.py`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgebuild.config.device import Device
from edgebuild.device.connect import reach_of
from edgebuild.device.transport import Transport
from edgebuild.errors import DeviceError
from tests.device.peers import started
from tests.device.sshd import Server, needs_sshd, new_server

pytestmark = needs_sshd
pytest.importorskip("asyncssh")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with started(new_server(tmp_path_factory.mktemp("sshd"))) as server:
        yield server


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    """A server that a test may stop."""
    with started(new_server(tmp_path / "sshd")) as server:
        yield server


def device(server: Server, **changes: object) -> Device:
    return Device(name="board", transport="ssh", options=server.options(**changes))


def open_board(server: Server, **changes: object) -> Transport:
    reach = reach_of(device(server, **changes))
    return reach.kind.open("board", reach.options)


def test_a_program_in_the_home_of_the_login_is_found(running: Server) -> None:
    board = open_board(running)
    home = Path.home()
    up = "/".join([".."] * (len(home.parts) - 1))
    assert board.run([f"~/{up}/bin/echo", "~/x"], timeout=60).stdout == b"~/x\n", "only of the program"
    board.close()


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
