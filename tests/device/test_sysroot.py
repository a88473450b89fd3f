"""Fetching a sysroot: what can go wrong is said, and nothing half-made stays. test_qemu_user.py uses a real one."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild.device.sysroot import COMMAND, OLD_RUNTIME, cache_folder, sysroot
from edgebuild.errors import ToolError
from edgebuild.runtime.tflite_runtime_install import VERSION


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


def test_the_runtime_of_32_bits_is_the_one_that_this_host_compares_with() -> None:
    assert f"tflite-runtime=={VERSION}" == OLD_RUNTIME
