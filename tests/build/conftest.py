"""One cold build by the real command."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.build.command import Built, edgebuild
from tests.build.tiny_project import write_tiny_project


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The tiny project, built cold; its path has a space and an umlaut. Read only."""
    project = write_tiny_project(tmp_path_factory.mktemp("built") / "mein kleines prüfstück")
    done = edgebuild(project, "build", "--json")
    return Built(project, done.returncode, done.stdout, done.stderr)


@pytest.fixture
def project(built: Built, tmp_path: Path) -> Path:
    """A copy of the built project with its store, to be changed."""
    return shutil.copytree(built.project, tmp_path / "project", symlinks=True)
