"""A file that a user asked for is whole or not there, and what cannot be written is told before it is made."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import NoReturn

import pytest

from edgebuild.errors import ConfigError, ToolError
from edgebuild.output_file import require_writable, write_output


def full(*_: object) -> NoReturn:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_keeps_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_output(tmp_path / "record.json", "old\n")
    monkeypatch.setattr(os, "open", full)
    with pytest.raises(ToolError, match=r"record\.json: cannot be written: the disk is full"):
        write_output(tmp_path / "record.json", "new\n")
    with pytest.raises(ToolError, match="the disk is full"):
        require_writable(tmp_path / "record.json")
    assert (tmp_path / "record.json").read_text() == "old\n"
    assert list(tmp_path.iterdir()) == [tmp_path / "record.json"]


def test_trying_leaves_nothing_behind_and_nothing_changed(tmp_path: Path) -> None:
    require_writable(tmp_path / "new.json")
    assert list(tmp_path.iterdir()) == []
    write_output(tmp_path / "old.json", b"old")
    require_writable(tmp_path / "old.json")
    assert (tmp_path / "old.json").read_bytes() == b"old"


def test_a_folder_that_is_missing_or_in_the_way_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written: No such file or directory"):
        require_writable(tmp_path / "absent" / "record.json")
    with pytest.raises(ConfigError, match="is a folder, expected the name of a file"):
        require_writable(tmp_path)
