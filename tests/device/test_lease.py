"""Leases between real processes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from edgebuild.config.device import Device
from edgebuild.device.connect import FencedTransport, connected
from edgebuild.device.lease import acquire, hold, holder_of, lease_folder
from edgebuild.device.local import LocalTransport
from edgebuild.errors import DeviceError

HOLDER = """
import sys, time
from pathlib import Path
from edgebuild.device.lease import hold
with hold("board", float(sys.argv[2]), Path(sys.argv[1])) as lease:
    print("held", flush=True)
    sys.stdin.readline()
    lease.require()
    print("touched", flush=True)
"""


def _holder(folder: Path, seconds: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_device_held_by_another_process_is_busy_and_free_when_that_process_dies(tmp_path: Path) -> None:
    with _holder(tmp_path, 600) as other:
        with pytest.raises(
            DeviceError, match=rf"'board' is busy: process {other.pid} of \w+ holds it for another 600 s"
        ):
            acquire("board", 1, tmp_path)
        other.kill()
        other.wait()
        with hold("board", 1, tmp_path):
            pass


def test_a_lease_ends_by_itself_while_its_holder_hangs_and_the_late_holder_is_told(tmp_path: Path) -> None:
    with _holder(tmp_path, 0.4) as other:
        other.send_signal(signal.SIGSTOP)
        time.sleep(0.5)
        with hold("board", 60, tmp_path) as next_one:
            other.send_signal(signal.SIGCONT)
            said, complained = other.communicate("\n", timeout=20)
            assert "touched" not in said
            assert re.search(rf"the lease \d+ is over; process {os.getpid()} of \w+ holds it", complained)
            next_one.require()


def test_a_late_holder_does_not_free_the_lease_of_the_next_one(tmp_path: Path) -> None:
    late = acquire("board", 0.01, tmp_path)
    time.sleep(0.05)
    with hold("board", 60, tmp_path) as lease:
        assert lease.token > late.token
        assert not late.release()
        with pytest.raises(DeviceError, match="busy"):
            acquire("board", 1, tmp_path)
        with pytest.raises(DeviceError, match=f"the lease {late.token} is over"):
            late.renew(60)


def test_tokens_grow_also_after_the_folder_was_lost(tmp_path: Path) -> None:
    tokens = [acquire("board", 0, tmp_path).token for _ in range(5)]
    (tmp_path / "board.json").unlink()
    time.sleep(0.01)
    tokens.append(acquire("board", 0, tmp_path).token)
    assert tokens == sorted(set(tokens))


def test_a_lease_is_renewed_and_never_shortened(tmp_path: Path) -> None:
    with hold("board", 60, tmp_path) as lease:
        lease.renew(600)
        lease.renew(1)
        holder = holder_of("board", tmp_path)
        assert holder is not None
        assert 590 < holder.seconds_left <= 600


def test_the_lease_is_free_after_use_and_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), hold("board", 60, tmp_path):
        1 / 0  # noqa: B018
    assert holder_of("board", tmp_path) is None


def test_half_a_record_left_by_a_crash_counts_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "board.json").write_text('{"pid": 1, "tok')
    with hold("board", 60, tmp_path):
        pass


def test_a_number_of_a_process_that_is_used_again_is_not_the_holder(tmp_path: Path) -> None:
    lease = acquire("board", 600, tmp_path)
    file = tmp_path / "board.json"
    born = re.search(r'"born": (\d+)', file.read_text())
    assert born is not None
    file.write_text(file.read_text().replace(born.group(), f'"born": {int(born.group(1)) - 1}'))
    assert holder_of("board", tmp_path) is None
    with pytest.raises(DeviceError, match="is over"):
        lease.require()


def test_a_lease_without_a_process_outlives_it_and_is_freed_by_its_token(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from edgebuild.device.lease import acquire; "
        "print(acquire('board', 600, Path(sys.argv[1]), with_process=False).token)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    holder = holder_of("board", tmp_path)
    assert holder is not None
    assert (holder.token, holder.pid) == (int(done.stdout), None)
    with pytest.raises(DeviceError, match=rf"\(token {holder.token}\) holds it"):
        acquire("board", 1, tmp_path)


def test_who_waits_gets_the_device_when_it_is_free(tmp_path: Path) -> None:
    with _holder(tmp_path, 0.4), hold("board", 60, tmp_path, wait=10):
        pass


def test_two_devices_do_not_disturb_each_other_and_two_names_of_one_do(tmp_path: Path) -> None:
    with (
        hold("board", 60, tmp_path, address="desk:22"),
        hold("other", 60, tmp_path),
        pytest.raises(DeviceError, match="device 'same board' is busy"),
    ):
        acquire("same board", 1, tmp_path, address="desk:22")


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Device:
    monkeypatch.setenv("EDGEBUILD_LEASES", str(tmp_path))
    return Device(name="here", transport="local")


def test_a_connection_is_alone_and_cannot_be_used_when_its_lease_is_over(device: Device, tmp_path: Path) -> None:
    with connected(device) as transport:
        assert isinstance(transport, FencedTransport)
        assert isinstance(transport.transport, LocalTransport)
        folder = transport.transport.folder
        with pytest.raises(DeviceError, match="device 'here' is busy"), connected(device):
            pass
        assert transport.run(["true"], timeout=600).exit_code == 0
        holder = holder_of("this-machine")
        assert holder is not None
        assert holder.seconds_left > 600, "the lease outlasts what runs under it"
        transport.lease.release()
        (tmp_path / "file").write_text("x")
        for late in (
            lambda: transport.run(["true"], timeout=1),
            lambda: transport.push(tmp_path / "file", "file"),
            lambda: transport.pull("file", tmp_path / "back"),
        ):
            with pytest.raises(DeviceError, match=r"device 'here': the lease \d+ is over"):
                late()
        assert list(folder.iterdir()) == []
    assert not folder.exists()
    assert lease_folder() == tmp_path


def test_a_connection_that_fails_frees_the_device(device: Device) -> None:
    wrong = device.model_copy(update={"properties": {"cpu": "cortex-a999"}})
    with pytest.raises(DeviceError, match="expected cortex-a999"), connected(wrong):
        pass
    assert holder_of("this-machine") is None


def test_a_program_that_somebody_elses_job_ended_has_no_result(device: Device) -> None:
    with connected(device) as transport:
        assert isinstance(transport, FencedTransport)
        taking_over = threading.Timer(0.2, transport.lease.release)
        taking_over.start()
        with pytest.raises(DeviceError, match=r"device 'here': the lease \d+ is over"):
            transport.run(["sleep", "0.6"], timeout=60)
        taking_over.join()
