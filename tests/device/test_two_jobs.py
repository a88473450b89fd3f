"""Two jobs that want one board over ssh, where their leases do not meet: the board itself keeps them apart."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgebuild.config.device import Device
from edgebuild.device.connect import connected
from edgebuild.errors import DeviceBusyError
from tests.device.peers import started
from tests.device.sshd import Server, needs_sshd, new_server
from tests.device.waiting import eventually

pytestmark = needs_sshd
pytest.importorskip("asyncssh")

SLEEP = 'touch started; sleep "$1"; echo done'
JOB = f"""
import sys
from edgebuild.config.device import Device
from edgebuild.device.connect import connected
with connected(Device(name="board", transport="ssh", options=eval(sys.argv[1]))) as board:
    print(board.run(["sh", "-c", {SLEEP!r}, "sh", sys.argv[2]], timeout=60))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with started(new_server(tmp_path_factory.mktemp("sshd"))) as running:
        yield running


@pytest.fixture
def job(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
    """Another one that uses the board for two seconds; its leases lie where ours do not."""
    monkeypatch.setenv("EDGEBUILD_LEASES", str(tmp_path / "theirs"))
    with subprocess.Popen(
        [sys.executable, "-c", JOB, repr(server.options()), "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert eventually(lambda: any(server.home.glob("work-*/started")))
        monkeypatch.setenv("EDGEBUILD_LEASES", str(tmp_path / "ours"))
        yield process
        process.kill()


def board(server: Server) -> Device:
    return Device(name="board", transport="ssh", options=server.options())


def test_the_second_is_told_and_the_first_goes_on(server: Server, job: subprocess.Popen[str]) -> None:
    with (
        pytest.raises(DeviceBusyError, match=r"device 'board' is busy: \d+@\S+ has the device for another \d+ s"),
        connected(board(server)),
    ):
        raise AssertionError
    said, complained = job.communicate(timeout=60)
    assert "exit_code=0, stdout=b'done\\n'" in said, complained


def test_the_second_waits_as_long_as_it_was_told_to(
    server: Server, job: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgebuild.device.connect.POLL_SECONDS", 0.2)
    begun = time.monotonic()
    with pytest.raises(DeviceBusyError), connected(board(server), wait=0.5):
        raise AssertionError
    assert time.monotonic() - begun >= 0.5
    device = board(server).model_copy(update={"lease": board(server).lease.model_copy(update={"ttl": 1000.0})})
    with connected(device, wait=60) as second:  # for longer than its lease lasts, and it has it still
        assert second.run(["echo", "mine"], timeout=60).stdout == b"mine\n"
        assert "exit_code=0" in job.communicate(timeout=60)[0], "it was over before"


def test_the_board_of_a_killed_job_is_free(server: Server, job: subprocess.Popen[str]) -> None:
    job.send_signal(signal.SIGKILL)
    job.wait()
    with connected(board(server), wait=30) as second:
        assert second.run(["echo", "mine"], timeout=60).stdout == b"mine\n"
