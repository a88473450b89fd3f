"""One thread, as in a build: small models are slower on several. The examples share one folder and its store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from tests.compress.building import Building
from tests.workers import LastingExecutor


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory, workers: LastingExecutor) -> Callable[..., Building]:
    """(project file, wanted=, epochs=) -> the example, built; its baseline is trained once for all of them."""
    root = tmp_path_factory.mktemp("digits")

    def build(project: str, **choices: Any) -> Building:
        return Building(root, workers, project, **choices)

    return build
