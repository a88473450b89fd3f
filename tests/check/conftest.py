"""Each file is exported once a session."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from tests.check.workshop import File, export

Export = Callable[..., File]


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tflite(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """(network, dtype, io=, granularity=, layout=, fully_connected=) -> the exported .tflite."""

    @cache
    def make(factory: str, dtype: str, fully_connected: str | None = None, **choices: Any) -> File:
        options = {"fully_connected": fully_connected} if fully_connected else {}
        return export(tmp_path_factory.mktemp(factory), factory, "tflite", dtype, options=options, **choices)

    return make


@pytest.fixture(scope="session")
def pte(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """(network, dtype) -> the exported .pte."""

    @cache
    def make(factory: str, dtype: str) -> File:
        return export(tmp_path_factory.mktemp(factory), factory, "executorch", dtype)

    return make
