"""A training that was killed goes on where it was, and ends with the same bits as one that was not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgebuild.model import checkpoint as checkpoint_module
from edgebuild.model.addition import Addition, TrainStep
from edgebuild.model.checkpoint import Checkpoints
from edgebuild.model.load import build_factory
from edgebuild.model.split import as_split
from edgebuild.model.train import Epoch, TrainSettings, train
from edgebuild.progress import Silent
from tests.model.nets import project
from tests.model.test_train import FACTORY, stripes

SETTINGS = TrainSettings(epochs=6, batch_size=8, learning_rate=0.02, keep_best=True)


class KilledError(Exception):
    """Stands for the end of the process."""


class KillAt(Addition):
    """Ends everything after a share of the steps; it also learns, remembers and draws random numbers."""

    def __init__(self, at: float) -> None:
        self.at = at
        self.scale = torch.nn.Parameter(torch.ones(()))
        self.seen = torch.zeros(())

    def parameters(self) -> list[torch.nn.Parameter]:
        return [self.scale]

    def loss(self, step: TrainStep) -> torch.Tensor:
        self.seen += 1
        noise = torch.rand(()) + np.random.random()
        return 0.01 * (self.scale - noise).square() * step.outputs["output"].square().mean() * self.seen.sqrt()

    def after_step(self, model: torch.nn.Module, done: float) -> None:
        if done >= self.at:
            raise KilledError

    def state(self) -> dict[str, torch.Tensor]:
        return {"seen": self.seen}

    def restore(self, state: dict[str, torch.Tensor]) -> None:
        self.seen.copy_(state["seen"])


@pytest.fixture(autouse=True)
def write_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint_module, "_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint_module, "_SHARE", 0.0)


def run(
    root: Path, settings: TrainSettings, at: float = 9.0, folder: Path | None = None, seed: int = 1
) -> tuple[list[bytes], list[Epoch], int]:
    """Weights, history and steps that this process did."""
    x, y = stripes()
    model: Any = build_factory(FACTORY, root)
    addition = KillAt(at)
    steps = []
    model.register_forward_pre_hook(lambda module, _inputs: steps.append(1) if module.training else None)
    checkpoints = None if folder is None else Checkpoints(folder)
    history = train(
        model,
        as_split("train", (x, y), root),
        ({"input": x}, y),
        settings,
        seed,
        1,
        Silent(),
        root,
        [addition],
        checkpoints,
    )
    weights = [value.numpy().tobytes() for value in model.state_dict().values()]
    return [*weights, addition.scale.detach().numpy().tobytes()], history, len(steps)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("at", [0.2, 0.55, 0.99])
def test_it_ends_with_the_same_bits(tmp_path: Path, optimizer: str, at: float) -> None:
    root, folder = project(tmp_path), tmp_path / "checkpoints"
    settings = replace(SETTINGS, optimizer=optimizer)
    whole = run(root, settings)
    with pytest.raises(KilledError):
        run(root, settings, at, folder)
    resumed = run(root, settings, folder=folder)
    assert resumed[:2] == whole[:2]
    done_before = int(at * 6) * 6
    assert whole[2] - resumed[2] == done_before > 0


def test_early_stopping_goes_on_too(tmp_path: Path) -> None:
    root, folder = project(tmp_path), tmp_path / "checkpoints"
    settings = replace(SETTINGS, epochs=30, patience=2, learning_rate=0.3)
    whole = run(root, settings)
    with pytest.raises(KilledError):
        run(root, settings, 2.5 / 30, folder)
    assert run(root, settings, folder=folder)[:2] == whole[:2]


def test_a_finished_training_is_not_done_again(tmp_path: Path) -> None:
    root, folder = project(tmp_path), tmp_path / "checkpoints"
    whole = run(root, SETTINGS, folder=folder)
    again = run(root, SETTINGS, folder=folder)
    assert again[:2] == whole[:2]
    assert again[2] == 0


def test_the_checkpoint_of_another_training_is_not_taken_up(tmp_path: Path) -> None:
    root, folder = project(tmp_path), tmp_path / "checkpoints"
    run(root, SETTINGS, folder=folder)
    for settings, seed in ((replace(SETTINGS, learning_rate=0.01), 1), (SETTINGS, 2)):
        assert run(root, settings, folder=folder, seed=seed)[:2] == run(root, settings, seed=seed)[:2]


def test_a_damaged_checkpoint_is_not_taken_up(tmp_path: Path) -> None:
    root, folder = project(tmp_path), tmp_path / "checkpoints"
    whole = run(root, SETTINGS, folder=folder)
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes()[:200])
    again = run(root, SETTINGS, folder=folder)
    assert again == whole


def test_every_training_of_a_stage_has_its_own(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    names = [checkpoints.next({"same": 1})._file.name for _ in range(2)]
    assert names == ["1.safetensors", "2.safetensors"]
