"""Leases between real processes."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgebuild.device.lease import hold
from edgebuild.errors import DeviceError

HOLDER = """
import sys, time
from pathlib import Path
from edgebuild.device.lease import hold
with hold("board", float(sys.argv[2]), Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def _holder(folder: Path, seconds: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), str(seconds)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_device_held_by_another_process_is_busy_and_free_when_that_process_dies(tmp_path: Path) -> None:
    with _holder(tmp_path, 600) as other:
        with pytest.raises(
            DeviceError, match=rf"device 'board' is busy: process {other.pid} holds it for another \d+ s"
        ):
            hold("board", 1, tmp_path).__enter__()
        other.kill()
        other.wait()
        with hold("board", 1, tmp_path):
            pass


def test_a_lease_ends_by_itself_while_its_holder_hangs(tmp_path: Path) -> None:
    with _holder(tmp_path, 0.4) as other:
        time.sleep(0.5)
        with hold("board", 5, tmp_path):
            assert other.poll() is None
        other.kill()


def test_a_late_holder_does_not_free_the_lease_of_the_next_one(tmp_path: Path) -> None:
    late = hold("board", 0.01, tmp_path)
    late.__enter__()
    time.sleep(0.05)
    with hold("board", 60, tmp_path):
        late.__exit__(None, None, None)
        with pytest.raises(DeviceError, match="busy"):
            hold("board", 1, tmp_path).__enter__()


def test_the_lease_is_free_after_use_and_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), hold("board", 60, tmp_path):
        1 / 0  # noqa: B018
    with hold("board", 60, tmp_path):
        pass


def test_half_a_record_left_by_a_crash_counts_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "board.json").write_text('{"pid": 1, "tok')
    with hold("board", 60, tmp_path):
        pass


def test_two_devices_do_not_disturb_each_other(tmp_path: Path) -> None:
    with hold("board", 60, tmp_path), hold("other", 60, tmp_path):
        pass
