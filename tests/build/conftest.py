"""One cold build by the real command, and workers for all that follows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.build.command import Built, edgebuild
from tests.build.tiny_project import write_tiny_project
from tests.build.workers import LastingExecutor, lasting_workers


@pytest.fixture(scope="session")
def workers() -> Iterator[LastingExecutor]:
    with lasting_workers(1) as executor:
        yield executor


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
