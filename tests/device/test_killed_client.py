"""A job on this machine that is killed or told to end: what it started is dead, and its folders are gone."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edgebuild.device.lease import hold, holder_of
from edgebuild.device.scratch import PREFIX, scratch_folder, sweep
from tests.device.waiting import eventually, with_argument

CLIENT = """
import sys
from edgebuild.cli.signals import settle_signals
from edgebuild.config.device import Device
from edgebuild.device.connect import connected
settle_signals()
with connected(Device(name="here", transport="local")) as host:
    host.run(["true"], timeout=60)
    host.run(["sh", "-c", sys.argv[1], "sh", sys.argv[2]], timeout=600)
"""
PROGRAMS = 'sleep "$1" & setsid sleep "$1" & touch started; sleep "$1"; true'
"""Two of its group, and one that left the group."""
OWNER = """
import sys, time
from edgebuild.device.scratch import Scratch
print(Scratch("test").path, flush=True)
time.sleep(600)
"""
MAKERS = """
import sys
from pathlib import Path
from edgebuild.device.scratch import scratch_folder, sweep
for _ in range(150):
    sweep.cache_clear()
    with scratch_folder("test") as folder:
        (folder / "file").touch()
        sweep.cache_clear()
        sweep(folder.parent)
        assert (folder / "file").exists()
"""


def environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "TMPDIR": str(folder),
        "EDGEBUILD_LEASES": str(folder / "leases"),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }


def left(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"{PREFIX}*"))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_what_it_runs_here_ends_with_it(tmp_path: Path, number: signal.Signals) -> None:
    minutes = f"600.{os.getpid()}{number:02}"
    command = ["env", "--default-signal=HUP", sys.executable, "-c", CLIENT, PROGRAMS, minutes]
    client = subprocess.Popen(command, env=environment(tmp_path), stderr=subprocess.PIPE)
    assert eventually(lambda: any(tmp_path.glob(f"{PREFIX}device-*/started")))
    assert eventually(lambda: len(with_argument(minutes)) >= 4), "sh, its three, and the client"
    (folder,) = left(tmp_path)
    assert len(with_argument(str(folder))) == 1, "the guard"
    client.send_signal(number)
    client.communicate(timeout=60)
    assert eventually(lambda: with_argument(minutes) == [])
    assert eventually(lambda: left(tmp_path) == [])
    assert eventually(lambda: with_argument(str(folder)) == [])
    assert holder_of("this-machine", tmp_path / "leases") is None


@pytest.mark.parametrize(
    "timing",
    [
        "from edgebuild.runtime.child import run_child; run_child([sys.argv[1]], {}, 'a file')",
        "from edgebuild.runtime.litert_child import run_job; run_job(Path(sys.argv[1]), 'time', {})",
    ],
)
def test_what_a_build_times_here_ends_with_it(tmp_path: Path, timing: str) -> None:
    minutes = f"600.{os.getpid()}"
    (tmp_path / "runtime").write_text(f"#!/bin/sh\nexec sleep {minutes}\n")
    (tmp_path / "runtime").chmod(0o755)
    program = f"import sys; from pathlib import Path; {timing}"
    client = subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "runtime")], env=environment(tmp_path))
    assert eventually(lambda: with_argument(minutes) != [])
    client.kill()
    client.wait()
    assert eventually(lambda: with_argument(minutes) == [])


def test_a_command_that_is_told_to_end_ends_as_with_ctrl_c(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edgebuild.cli.main", "devices", "lease", "host", "--wait", "600"]
    with hold("host", 600, tmp_path / "leases", address="this-machine"):
        taken = (tmp_path / "leases" / "this-machine.lock").stat().st_mtime_ns
        waiting = subprocess.Popen(command, env=environment(tmp_path), stderr=subprocess.PIPE, text=True)
        assert eventually(lambda: (tmp_path / "leases" / "this-machine.lock").stat().st_mtime_ns > taken), "it asks"
        waiting.terminate()
        _, said = waiting.communicate(timeout=60)
    assert waiting.returncode == 130
    assert "Traceback" not in said


def test_folders_of_the_dead_are_swept_and_those_of_the_living_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = [
        subprocess.Popen([sys.executable, "-c", OWNER], env=environment(tmp_path), stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    folders = [Path(owner.stdout.readline().strip()) for owner in owners if owner.stdout is not None]
    (folders[0] / "deep" / "file").mkdir(parents=True)
    (tmp_path / "edgebuild-board-of-another-version").mkdir()
    owners[0].kill()
    owners[0].wait()
    owners[1].send_signal(signal.SIGSTOP)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with scratch_folder("test") as own:
        assert left(tmp_path) == sorted([folders[1], own])
    assert (tmp_path / "edgebuild-board-of-another-version").is_dir()
    owners[1].kill()
    owners[1].communicate()
    sweep.cache_clear()
    with scratch_folder("test") as own:
        assert left(tmp_path) == [own]


def test_a_folder_that_is_swept_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked: list[Path] = []
    flock = fcntl.flock

    def sweep_first(handle: int, operation: int) -> None:
        locked.append(Path(f"/proc/self/fd/{handle}").resolve())
        if len(locked) == 1:
            locked[0].rmdir()
        flock(handle, operation)

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(fcntl, "flock", sweep_first)
    with scratch_folder("test") as own:
        assert own.is_dir()
        assert [folder.is_dir() for folder in locked] == [False, True]


def test_folders_that_are_made_while_others_sweep_stay(tmp_path: Path) -> None:
    makers = [
        subprocess.Popen([sys.executable, "-c", MAKERS], env=environment(tmp_path), stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [maker.communicate(timeout=120)[1] for maker in makers] == [""] * 4
    assert left(tmp_path) == []
