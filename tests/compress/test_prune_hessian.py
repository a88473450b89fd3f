"""The second-order criterion: its curvature is that of the loss, and what it keeps is worth more than chance keeps."""

from __future__ import annotations

from pathlib import Path
from statistics import mean
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy

from edgebuild.compress.prune.curvature import hessian_diagonal
from edgebuild.model.model_folder import read_record
from tests.compress.classroom import Classroom


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    return Classroom(tmp_path_factory.mktemp("trained"), "plain", epochs=6)


def test_the_curvature_is_that_of_the_loss_where_labels_follow_the_model() -> None:
    """There the Fisher matrix and the Hessian are equal in expectation."""
    source = torch.Generator().manual_seed(3)
    layer = torch.nn.Linear(3, 4, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.randn(4, 3, generator=source))
        inputs = torch.randn(1500, 3, generator=source) * torch.tensor([0.3, 1.0, 3.0])
        labels = torch.multinomial(layer(inputs).softmax(1), 1, generator=source)[:, 0]

    def loss(weight: torch.Tensor) -> torch.Tensor:
        return cross_entropy(torch.nn.functional.linear(inputs, weight), labels)

    full: Any = torch.autograd.functional.hessian(loss, layer.weight.detach())
    exact = full.reshape(12, 12).diagonal().reshape(4, 3)
    batches = [((inputs[:700],), labels[:700]), ((inputs[700:],), labels[700:])]

    def of_outputs(outputs: Any, targets: torch.Tensor) -> torch.Tensor:
        return cross_entropy(outputs, targets)

    found = hessian_diagonal(layer, dict(layer.named_parameters()), batches, of_outputs)
    assert torch.allclose(found["weight"], exact, rtol=0.35)
    assert float(exact.max() / exact.min()) > 10


def lost(folder: Path) -> float:
    """Points lost without training."""
    return float(read_record(folder).extra["prune"]["cuts"][-1]["lost"])


def test_channels_chosen_by_it_lose_less_than_chance_at_the_same_cost(room: Classroom) -> None:
    cut: dict[str, Any] = {"keep": {"macs": 0.4}, "scope": "local", "round_to": 1, "finetune": {"epochs": 0}}
    chosen = room.step("prune", "hessian", importance="hessian", **cut)
    drawn = [room.step("prune", f"random{seed}", importance="random", seed=seed, **cut) for seed in range(1, 6)]
    macs = {read_record(folder).extra["prune"]["cuts"][-1]["macs"] for folder in (chosen, *drawn)}
    assert len(macs) == 1
    assert lost(chosen) < 0.25 * mean(lost(folder) for folder in drawn)


def test_weights_chosen_by_it_lose_less_than_chance_at_the_same_sparsity(room: Classroom) -> None:
    cut: dict[str, Any] = {"kind": "unstructured", "sparsity": 0.7, "scope": "local", "finetune": {"epochs": 0}}

    def quality(name: str, **more: Any) -> float:
        return float(read_record(room.step("prune", name, **cut, **more)).extra["prune"]["after"]["quality"])

    drawn = [quality(f"weights{seed}", importance="random", seed=seed) for seed in range(1, 4)]
    assert quality("weights", importance="hessian") > mean(drawn) + 10
