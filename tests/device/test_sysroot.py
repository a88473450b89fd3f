"""Fetching a sysroot: what can go wrong is said, and nothing half-made stays. test_qemu_user.py uses a real one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgebuild.device.sysroot import COMMAND, OLD_RUNTIME, cache_folder, sysroot
from edgebuild.errors import ToolError
from edgebuild.runtime.tflite_runtime_install import VERSION
from tests.device.waiting import eventually, with_argument


def script(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_source_that_cannot_be_reached_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path / "bin", "apt-get", "echo 'E: Unable to fetch some archives' >&2; exit 100")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    with pytest.raises(
        ToolError, match="cannot read the lists of arm64 packages: apt-get ended with 100: E: Unable to"
    ):
        sysroot()
    assert [path.name for path in cache_folder().iterdir()] == ["sysroot.lock"]


def test_a_system_without_apt_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="apt-get is missing") as caught:
        sysroot()
    assert "device: host" in str(caught.value.remedy)


def test_the_remedy_is_the_command_that_fetches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path / "bin", "apt-get", "exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    with pytest.raises(ToolError, match="ended with 1: no reason") as caught:
        sysroot()
    assert COMMAND in str(caught.value.remedy)


def apt(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let apt-get do what a script says."""
    script(folder / "bin", "apt-get", text)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:/usr/bin:/bin")


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(ToolError, match=f"cannot write to the cache {cache_folder()}: ") as caught:
        sysroot()
    assert "XDG_CACHE_HOME" in str(caught.value.remedy)


@pytest.mark.parametrize(
    "said",
    [
        "E: Write error - write (28: No space left on device)",
        "tar: ./usr/lib/libc.a: Cannot write: No space left on device\ntar: Exiting\ndpkg-deb: error: tar returned 2",
    ],
)
def test_a_program_that_found_no_room_is_not_blamed_on_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    apt(tmp_path, f"echo '{said}' >&2; exit 100", monkeypatch)
    with pytest.raises(ToolError, match=f"the disk of the cache {cache_folder()} is full: .*apt-get ended") as caught:
        sysroot()
    assert "make room there" in str(caught.value.remedy)
    assert "network" not in str(caught.value)


def test_a_full_disk_is_named_where_the_program_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt(tmp_path, "cat /dev/zero >$XDG_CACHE_HOME/edgebuild/fill 2>/dev/null; exit 1", monkeypatch)
    (tmp_path / "cache").mkdir()
    mount = f'mount -t tmpfs -o size=4m none "{tmp_path / "cache"}" && exec "$@"'
    prefix = ["unshare", "-m", "sh", "-c", mount, "sh"]
    tried = subprocess.run([*prefix, "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"no small file system can be mounted here: {tried.stderr.strip()}")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    fetch = [*prefix, sys.executable, "-m", "edgebuild.device.sysroot", "arm64"]
    done = subprocess.run(fetch, env=environment, capture_output=True, text=True)
    assert done.returncode == 3
    assert done.stderr.startswith(f"the disk of the cache {cache_folder()} is full: cannot read the lists of arm64")


def test_a_fetch_that_takes_too_long_is_stopped_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt(tmp_path, "exec sleep 60", monkeypatch)
    monkeypatch.setattr("edgebuild.device.sysroot.FETCH_SECONDS", 0.3)
    with pytest.raises(ToolError, match=r"apt-get did not end within 0\.3 s, and was stopped"):
        sysroot()
    assert [path.name for path in cache_folder().iterdir()] == ["sysroot.lock"]


def test_a_killed_fetch_ends_what_it_started_and_the_next_one_removes_what_it_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    minutes = f"600.{os.getpid()}"
    apt(tmp_path, f"exec sleep {minutes}", monkeypatch)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    fetch = subprocess.Popen([sys.executable, "-m", "edgebuild.device.sysroot", "arm64"], env=environment)
    assert eventually(lambda: with_argument(minutes) != [])
    fetch.kill()
    fetch.wait()
    assert eventually(lambda: with_argument(minutes) == [])
    assert len(list(cache_folder().glob("sysroot-new-*"))) == 1
    apt(tmp_path, "exit 1", monkeypatch)
    with pytest.raises(ToolError, match="ended with 1"):
        sysroot()
    assert [path.name for path in cache_folder().iterdir()] == ["sysroot.lock"]


def test_the_runtime_of_32_bits_is_the_one_that_this_host_compares_with() -> None:
    assert f"tflite-runtime=={VERSION}" == OLD_RUNTIME
