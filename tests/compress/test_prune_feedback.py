"""The schedule feedback: larger cuts while the model recovers, smaller ones where it does not; and rewound rates."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from edgebuild.compress.prune.parameters import Prune
from edgebuild.errors import ConfigError
from edgebuild.model.count import count_model
from edgebuild.model.load import rebuild
from edgebuild.model.model_folder import read_record
from tests.compress.classroom import Classroom
from tests.compress.workshop import image

FEEDBACK: dict[str, Any] = {
    "schedule": "feedback",
    "importance": "random",
    "round_to": 1,
    "finetune": {"epochs": 1, "between": 1},
}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    return Classroom(tmp_path_factory.mktemp("trained"), "plain", epochs=6)


def account(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = read_record(folder).extra["prune"]
    return found


def test_cuts_double_while_the_model_recovers(room: Classroom) -> None:
    folder = room.step("prune", "free", **FEEDBACK, keep={"macs": 0.3}, steps=8, recover=100)
    found = account(folder)
    assert [attempt["share"] for attempt in found["attempts"]] == [0.125, 0.375, 0.875, 1.0]
    assert all(attempt["kept"] for attempt in found["attempts"])
    assert found["refused"] is None
    assert found["cuts"][-1]["macs"] <= 0.3 * found["before"]["macs"]


def test_a_cut_that_does_not_recover_is_taken_back_and_halved(room: Classroom) -> None:
    folder = room.step("prune", "bound", **FEEDBACK, keep={"macs": 0.03}, steps=2, recover=8)
    found = account(folder)
    kept = [attempt for attempt in found["attempts"] if attempt["kept"]]
    lost = [attempt for attempt in found["attempts"] if not attempt["kept"]]
    assert len(kept) == len(found["cuts"]) >= 1
    assert lost
    assert all(attempt["lost"] > 8 for attempt in lost)
    assert all(cut["lost"] <= 8 for cut in found["cuts"])
    assert max(attempt["share"] for attempt in kept) < min(attempt["share"] for attempt in lost)
    for first, second in pairwise(found["attempts"]):
        if not first["kept"]:  # half as far from what was kept
            done = max((one["share"] for one in kept if one["share"] < first["share"]), default=0.0)
            assert second["share"] - done <= (first["share"] - done) / 2 + 1e-9
    assert f"{len(kept)} of {len(found['attempts'])} cuts recovered; stopped short of keep.macs 0.03" in found["effect"]
    assert f"lost {lost[-1]['lost']:.4g} points, more than recover 8" in found["effect"]


def test_the_model_written_is_the_best_that_recovered(room: Classroom) -> None:
    folder = room.step("prune", "written", **FEEDBACK, keep={"macs": 0.03}, steps=2, recover=8)
    counts = count_model(rebuild(folder, room.root), image())
    assert counts.macs == account(folder)["cuts"][-1]["macs"]
    assert len(json.loads((folder / "history.json").read_text())) == len(account(folder)["cuts"])


def test_where_no_cut_recovers_the_build_says_so(tmp_path: Path) -> None:
    room = Classroom(tmp_path, "residual", epochs=3)
    never = {**FEEDBACK, "round_to": 8, "finetune": {"epochs": 0, "between": 0}}
    with pytest.raises(ConfigError) as caught:
        room.step("prune", "never", **never, keep={"macs": 0.6}, steps=2, recover=0, seed=3)
    assert caught.value.message.startswith("prune: the smallest cut, to 50.0% of the MACs, lost ")
    assert caught.value.message.endswith("at most 0 allowed (recover), so nothing was cut")


def rates(folder: Path, training: int) -> list[float]:
    """Learning rate at the end of each epoch."""
    return [row["learning_rate"] for row in json.loads((folder / "history.json").read_text())[training]]


def test_rewound_training_replays_the_last_epochs_of_the_original_rate(tmp_path: Path) -> None:
    room = Classroom(tmp_path, "plain")
    room.train = {"epochs": 6, "schedule": "step"}
    cuts: dict[str, Any] = {"keep": {"macs": 0.5}, "schedule": "iterative", "steps": 2, "round_to": 4}
    plain = room.step("prune", "plain", **cuts, finetune={"epochs": 3, "between": 2})
    rewound = room.step("prune", "rewound", **cuts, finetune={"epochs": 3, "between": 2, "rewind": "learning_rate"})
    # The original takes a tenth after three of six epochs and again after four and a half.
    assert rates(plain, 0) == pytest.approx([0.01, 1e-4])
    assert rates(rewound, 0) == pytest.approx([1e-4, 1e-4])
    assert rates(rewound, 1) == pytest.approx([1e-3, 1e-4, 1e-4])
    whole = room.step("prune", "whole", **cuts, finetune={"epochs": 6, "between": 0, "rewind": "learning_rate"})
    assert rates(whole, 1) == pytest.approx([1e-2] * 3 + [1e-3, 1e-4, 1e-4])


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ({"epochs": 3}, "finetune.rewind: 4 epochs asked, but train: has 3 whose learning rate is replayed"),
        ({"function": "own:train"}, "finetune.rewind: the project has a function of its own (own:train), so there is"),
    ],
)
def test_a_rate_that_cannot_be_replayed_is_an_error(tmp_path: Path, train: dict[str, Any], message: str) -> None:
    room = Classroom(tmp_path, "plain")
    room.train = train
    with pytest.raises(ConfigError) as caught:
        room.step("prune", "out", ratio=0.5, round_to=4, finetune={"epochs": 4, "rewind": "learning_rate"})
    assert caught.value.message.startswith(message)


def test_schedules_that_are_known_beforehand_have_their_cuts() -> None:
    assert Prune(ratio=0.5, schedule="iterative", steps=2).cuts() == [0.5, 1.0]
    assert Prune(ratio=0.5, schedule="feedback", recover=1).bound() == 1
