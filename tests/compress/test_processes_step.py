"""Every step that trains does so in two processes too: the same artifact each time, and what it promises holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from edgebuild.model.fakequant.ranges import read_steps
from edgebuild.model.model_folder import read_record
from edgebuild.model.processes import team
from tests.compress.classroom import Classroom
from tests.compress.test_resume_step import STEPS, contents

PLAIN = """
from torch import nn


def build(network):
    return nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 3))
"""
"""Without batch norms, whose statistics are of the process' share."""


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classroom]:
    found = Classroom(tmp_path_factory.mktemp("room"), "plain", epochs=2)
    found.train = {"processes": 2, "epochs": 2}
    with team.dismissed_at_the_end():
        yield found


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "weights.safetensors")


SPARSIFIED: dict[str, Any] = {"method": "prune", "ratio": 0.5, "sparsify": {"epochs": 1}, "finetune": {"epochs": 1}}


@pytest.mark.parametrize("name", [*STEPS, "sparsified"])
def test_a_step_gives_the_same_artifact_again(room: Classroom, name: str) -> None:
    parameters: dict[str, Any] = {**STEPS.get(name, SPARSIFIED)}
    method = parameters.pop("method")
    first, second = (room.step(method, f"{name}-{number}", **parameters) for number in (1, 2))
    assert contents(first) == contents(second)
    assert len(team._teams) == 1, "it did not train in two processes"


def test_qat_finds_the_ranges_that_one_process_finds(tmp_path: Path) -> None:
    (tmp_path / "zoo.py").write_text(PLAIN)
    root = tmp_path / "room"
    root.mkdir()
    room, found = Classroom(root, zoo=tmp_path / "zoo.py"), []
    with team.dismissed_at_the_end():
        for count in (1, 2):
            room.train = {"processes": count}
            made = room.step("qat", f"ranges-{count}", epochs=1, freeze_after=1.0, learning_rate=1e-9)
            found.append([one.scale for one in read_steps(read_record(made)).values()])
    assert found[1] == pytest.approx(found[0], rel=1e-5)


def test_zeros_and_codebooks_hold(room: Classroom) -> None:
    pruned = room.step("prune", "pruned", kind="unstructured", sparsity=0.6, finetune={"epochs": 1})
    shared = room.step("cluster", "shared", model=pruned, clusters=8, finetune={"epochs": 1})
    for name, before in weights(pruned).items():
        if before.dim() > 1 and bool((before == 0).any()):
            after = weights(shared)[name]
            assert bool((after[before == 0] == 0).all())
            assert len(after.unique()) <= 8
            assert not torch.equal(before, after)
