"""Training with a penalty before the first cut makes the channels that go small, and the record says how small."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgebuild.compress.prune.coupled import CoupledChannels
from edgebuild.compress.prune.groups import removed_indices
from edgebuild.compress.prune.sparsify.penalties import SPARSIFIERS
from edgebuild.compress.prune.trace import trace
from edgebuild.errors import ConfigError
from edgebuild.model.load import rebuild
from edgebuild.model.model_folder import read_record
from edgebuild.model.seeding import seeded
from tests.compress.classroom import Classroom
from tests.compress.workshop import image
from tests.compress.zoo import build

WEIGHTS = {"group_lasso": 0.03, "l1": 0.003, "batch_norm": 0.1}
CUT: dict[str, Any] = {"keep": {"macs": 0.5}, "round_to": 4, "importance": "l2", "finetune": {"epochs": 0}}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    return Classroom(tmp_path_factory.mktemp("trained"), "plain", epochs=4)


def sizes(folder: Path) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = read_record(folder).extra["prune"]["sparsify"]["sizes"]
    return found


@pytest.mark.parametrize("kind", SPARSIFIERS.names())
def test_what_is_cut_is_smaller_than_after_training_without_it(room: Classroom, kind: str) -> None:
    with_it, hardly = (
        room.step("prune", f"{kind}-{weight}", **CUT, sparsify={"kind": kind, "weight": weight, "learning_rate": 0.03})
        for weight in (WEIGHTS[kind], 1e-12)
    )
    assert sizes(with_it)["cut"]["before"] == pytest.approx(sizes(hardly)["cut"]["before"], rel=0.2)
    assert sizes(with_it)["cut"]["after"] < 0.8 * sizes(hardly)["cut"]["after"]
    assert sizes(with_it)["cut"]["after"] < 0.8 * sizes(with_it)["cut"]["before"]
    account = read_record(with_it).extra["prune"]
    assert account["sparsify"]["quality"]["before"] == account["before"]["quality"]
    assert len(json.loads((with_it / "history.json").read_text())) == 1 + len(account["cuts"])
    share = sizes(with_it)["cut"]["after"] / sizes(with_it)["cut"]["before"]
    assert f"; sparsify before it left {share:.1%} of the channels to be cut" in account["effect"]


def test_group_lasso_shrinks_what_goes_more_than_what_stays(room: Classroom) -> None:
    found = sizes(room.step("prune", "lasso", **CUT, sparsify={"weight": 0.03}))
    assert found["cut"]["after"] / found["cut"]["before"] < found["kept"]["after"] / found["kept"]["before"]


def test_two_runs_give_the_same_bytes(room: Classroom) -> None:
    first, second = (room.step("prune", name, **CUT, sparsify={"epochs": 1}) for name in ("first", "second"))
    assert all((first / file.name).read_bytes() == file.read_bytes() for file in second.iterdir())


@pytest.mark.parametrize("network", ["plain", "grouped", "flattened", "transposed", "concat", "twice"])
def test_the_size_of_a_channel_is_that_of_everything_that_goes_with_it(network: str) -> None:
    """Counted once more, number by number, from what a cut would take away."""
    with seeded(0):
        model = build(network).eval()
    found = trace(model, image(), 1)
    for group in found.groups:
        squares = CoupledChannels(model, group).squares().detach().numpy()
        for channel in (0, group.size - 1):
            total = 0.0
            for (layer, side, tensor), gone in removed_indices([group], {group.name: [channel]}).items():
                weight = getattr(model.get_submodule(layer), "weight", None)
                if tensor or weight is None or isinstance(model.get_submodule(layer), torch.nn.PReLU):
                    continue
                transposed = isinstance(model.get_submodule(layer), torch.nn.ConvTranspose2d)
                dim = 1 if (side == "in") != transposed else 0
                rows = sorted({index % weight.shape[dim] for index in gone})
                total += float((weight.detach().index_select(dim, torch.tensor(rows)) ** 2).sum())
            assert squares[channel] == pytest.approx(total, rel=1e-4)


def test_scales_need_batch_normalisation(tmp_path: Path) -> None:
    room = Classroom(tmp_path, "signal")
    with pytest.raises(ConfigError) as caught:
        room.step("prune", "out", ratio=0.5, round_to=4, sparsify={"kind": "batch_norm"})
    assert caught.value.message == (
        "prune.sparsify: batch_norm penalises scales of batch normalisation, but what could be cut has none"
    )


def test_the_penalty_is_gone_after_the_first_cut(room: Classroom) -> None:
    """Training after the cut follows the task alone: it lets the channels grow again."""
    short = {**CUT, "finetune": {"epochs": 0}}
    long = {**CUT, "finetune": {"epochs": 4, "learning_rate": 0.01}}
    heavy = {"weight": 0.1, "epochs": 3}
    norms = []
    for name, options in (("short", short), ("long", long)):
        model = rebuild(room.step("prune", name, **options, sparsify=heavy), room.root)
        norms.append(float(np.sqrt(sum(float((weight.detach() ** 2).sum()) for weight in model.parameters()))))
    assert norms[1] > norms[0]
