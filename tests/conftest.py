"""What all tests share: worker processes for builds that are no test of the workers, and a collector that runs less."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tests.workers import LastingExecutor, lasting_workers

gc.set_threshold(50_000, 20, 20)
"""Exports make millions of small objects; looking through them every 700 takes an eighth of their time."""


@pytest.fixture(scope="session", autouse=True)
def _own_leases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Two runs of the tests on one machine want devices of the same names."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("EDGEBUILD_LEASES", str(tmp_path_factory.mktemp("leases")))
        yield


@pytest.fixture(scope="session")
def workers() -> Iterator[LastingExecutor]:
    """As many as a build uses at once."""
    with lasting_workers(2) as executor:
        yield executor
