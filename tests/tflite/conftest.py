"""One network of each kind, converted once for all tests."""

from __future__ import annotations

import pytest

from edgebuild.model.data_folder import InputSpec
from tests.tflite.nets import Workbench

IMAGE = InputSpec("image", (3, 16, 16), "float32", 1 / 255, (0.5, 0.4, 0.3), (0.2, 0.2, 0.2))


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    """A residual network that returns class scores."""
    return Workbench(tmp_path_factory.mktemp("classifier"), "residual", {}, (IMAGE,))


@pytest.fixture(scope="session")
def two_outputs(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    """The same network, returning its features too."""
    return Workbench(tmp_path_factory.mktemp("two"), "residual", {"scores_only": False}, (IMAGE,))


@pytest.fixture(scope="session")
def signal(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    """A one-dimensional network."""
    return Workbench(tmp_path_factory.mktemp("signal"), "signal", {}, (InputSpec("signal", (4, 32), "float32"),))


@pytest.fixture(scope="session")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    """A network with a layer whose activations are zero for every input."""
    return Workbench(tmp_path_factory.mktemp("silent"), "silent", {}, (InputSpec("signal", (4, 32), "float32"),))
