"""The pull to the grid of integers: weights get nearer to their steps, and less is lost when they are rounded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgebuild.compress.finetune import FineTune
from edgebuild.compress.grid.parameters import Grid
from edgebuild.compress.grid.pull import PullToGrid, squared_distance, weights_of
from edgebuild.compress.quantize.post_training import Quantize, run
from edgebuild.compress.training import Training
from edgebuild.errors import ConfigError
from edgebuild.model.load import derive_model_folder, rebuild
from tests.compress.files import File
from tests.compress.qat_workshop import float_outputs, make
from tests.compress.workshop import Workshop


def test_the_distance_is_in_steps() -> None:
    weight = torch.tensor([[127.0, 0.25, 1.0], [254.0, 1.0, 2.0]])
    assert float(squared_distance(weight, 0, 8)) == pytest.approx(0.25**2 + 0.5**2)
    assert float(squared_distance(weight, None, 8)) == pytest.approx(0.5**2 + 0.125**2 + 3 * 0.5**2 - 0.5**2)
    assert float(squared_distance(torch.tensor([[7.0, 2.5, 0.0]]), 0, 4)) == pytest.approx(0.25)


def test_anywhere_is_a_twelfth() -> None:
    weight = torch.rand(100, 100, generator=torch.Generator().manual_seed(0)) - 0.5
    assert float(squared_distance(weight, 0, 8)) / weight.numel() == pytest.approx(1 / 12, rel=0.02)


def test_folding_a_batch_norm_leaves_the_steps_of_channels() -> None:
    weight = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    scaled = weight * torch.tensor([[0.1], [1.0], [3.0], [-2.0]])
    assert float(squared_distance(scaled, 0, 8)) == pytest.approx(float(squared_distance(weight, 0, 8)), rel=1e-3)


def test_a_weight_that_two_layers_share_counts_once() -> None:
    first, second = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)
    second.weight = first.weight
    assert len(weights_of(torch.nn.Sequential(first, second), Grid())) == 1
    with (
        pytest.raises(ConfigError, match="no convolution or linear layer"),
        PullToGrid(Grid()).attached(torch.nn.ReLU(), ()),
    ):
        pass


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return make(tmp_path_factory.mktemp("mobile"), "mobile")


def tuned(shop: Workshop, name: str, **grid: Any) -> tuple[Path, list[dict[str, Any]]]:
    """The network trained further, with the pull or without, and the history."""
    context = shop.context(name, None, 1)
    loop = FineTune.model_validate({"epochs": 12, "learning_rate": 0.002, **({"grid": grid} if grid else {})})
    model = rebuild(shop.baseline, shop.root)
    history = Training(context, loop).to_the_end().tune(model, loop.epochs)
    derive_model_folder(shop.baseline, context.output, model)
    return context.output, [row.to_json() for row in history]


def error_of_file(shop: Workshop, folder: Path) -> float:
    """Noise over signal of the outputs of an int8 file in which nothing but the weights is rounded."""
    context = shop.context(f"{folder.name}-int8", folder, 1)
    run(context, Quantize.model_validate({"kind": "weight_only"}))
    outputs = File(shop, context.output, "tflite", "int8-weight-only").outputs
    truth = float_outputs(shop, folder)
    return float(np.sum((outputs - truth) ** 2) / np.sum(truth**2))


def test_less_is_lost_in_the_file(shop: Workshop) -> None:
    plain, without = tuned(shop, "without")
    pulled, history = tuned(shop, "pulled", weight=3.0, fully_connected="per_channel")
    assert "measured" not in without[0]
    before, after = history[0]["measured"]["grid_distance_before"], history[-1]["measured"]["grid_distance"]
    assert before == pytest.approx(1 / 12, rel=0.1)
    assert after < 0.1 * before
    assert error_of_file(shop, pulled) < 0.3 * error_of_file(shop, plain)


def test_a_step_writes_it_into_its_history(shop: Workshop) -> None:
    folder = shop.prune("history", keep={"macs": 0.8}, finetune={"epochs": 1, "grid": {"weight": 0.5}})
    rows = json.loads((folder / "history.json").read_text())
    text = json.dumps(rows)
    assert "grid_distance_before" in text
