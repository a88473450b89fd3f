"""Fixtures of the build graph's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.graph.small_project import write_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project")
