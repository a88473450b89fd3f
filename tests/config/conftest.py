"""A small project that loads, to be changed one thing at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgebuild.config.load import load_project
from edgebuild.config.project import Project

PROJECT = """\
name: small
model: {factory: "model:build"}
data: {function: "model:load"}
metric: accuracy
train: {epochs: 1}
"""

Load = Callable[..., Project]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """(text of `targets:`, text to replace -> replacement, further files by path) -> the loaded project."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text('"""Found, and not imported."""\n')

    def write_and_load(
        targets: str = "targets: [raspberry-pi-4]\n", changes: dict[str, str] | None = None, **files: str
    ) -> Project:
        text = PROJECT + targets
        for old, new in (changes or {}).items():
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "edgebuild.yaml").write_text(text)
        for name, content in files.items():
            (tmp_path / f"{name}.yaml").write_text(content)
        return load_project(Path("edgebuild.yaml"))

    return write_and_load
