"""Worker processes for all builds of a session that are no test of the workers themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.workers import LastingExecutor, lasting_workers


@pytest.fixture(scope="session")
def workers() -> Iterator[LastingExecutor]:
    """As many as a build uses at once."""
    with lasting_workers(2) as executor:
        yield executor
