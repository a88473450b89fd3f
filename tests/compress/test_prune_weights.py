"""Weights that were set to zero are zero in the record, and stay zero whatever trains the model further."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from edgebuild.compress.constraints.zeros import read_masks
from edgebuild.compress.prune.weights.importance import WEIGHT_IMPORTANCES
from edgebuild.compress.prune.weights.masks import follows_pattern, unstructured_masks
from edgebuild.errors import ConfigError
from edgebuild.model.load import rebuild
from edgebuild.model.model_folder import read_record
from tests.compress.classroom import Classroom

HALF: dict[str, Any] = {"kind": "unstructured", "sparsity": 0.5, "finetune": {"epochs": 1, "between": 1}}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    return Classroom(tmp_path_factory.mktemp("room"), "plain", epochs=3)


def zeros(folder: Path, room: Classroom) -> dict[str, torch.Tensor]:
    """Where the convolutions and linear layers of a model folder are zero."""
    state = rebuild(folder, room.root).named_parameters()
    return {name: (value == 0) for name, value in state if name.endswith("weight") and value.ndim > 1}


def share(found: dict[str, torch.Tensor]) -> float:
    return sum(int(zero.sum()) for zero in found.values()) / sum(zero.numel() for zero in found.values())


@pytest.mark.parametrize(
    ("importance", "schedule"),
    [
        *((name, schedule) for name in WEIGHT_IMPORTANCES.names() for schedule in ("iterative", "cubic")),
        *((name, "one_shot") for name, found in WEIGHT_IMPORTANCES.items() if found.learned is None),
    ],
)
def test_as_many_weights_are_zero_as_were_asked(room: Classroom, importance: str, schedule: str) -> None:
    steps = {} if schedule == "one_shot" else {"steps": 2}
    name = f"{importance}-{schedule}"
    sparse = room.step("prune", name, **HALF, importance=importance, schedule=schedule, **steps)
    assert share(zeros(sparse, room)) == pytest.approx(0.5, abs=1e-3)
    again = room.step("prune", f"{name}-again", **HALF, importance=importance, schedule=schedule, **steps)
    for file in ("model.json", "weights.safetensors", "constraint.zeros.safetensors", "history.json"):
        assert (sparse / file).read_bytes() == (again / file).read_bytes()
    assert len(json.loads((sparse / "history.json").read_text())) == {"one_shot": 1}.get(schedule, 2)


def test_a_criterion_chooses_other_weights_than_chance(room: Classroom) -> None:
    names = WEIGHT_IMPORTANCES.names()
    masks = [read_masks(room.step("prune", f"by-{one}", **HALF, importance=one, schedule="cubic")) for one in names]
    joined = [b"".join(mask.numpy().tobytes() for mask in one.values()) for one in masks]
    assert len(set(joined)) == len(joined)


def test_movement_lets_a_weight_come_back_and_trains_only_what_is_not_masked(room: Classroom) -> None:
    """One training by hand: a masked weight has a gradient for its score and none for itself."""
    weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    movement = WEIGHT_IMPORTANCES.get("movement").learned
    assert movement is not None

    def lowest(scores: Mapping[str, torch.Tensor], share: float) -> dict[str, torch.Tensor]:
        return unstructured_masks(scores, share, 0.9, local=False)

    learned = movement({"weight": weight}, lowest, lambda _done: 0.5)
    seen = []
    with learned.attached(torch.nn.Module(), ()):
        for gradient, done in (([1.0, -1.0], 0.5), ([-9.0, 0.0], 0.6)):
            weight.grad = torch.tensor(gradient)
            learned.after_backward(torch.nn.Module(), 0.0)
            weight.data -= 0.1 * weight.grad
            learned.after_step(torch.nn.Module(), done)
            seen.append([round(float(value), 4) for value in weight.detach()])
    # The first moves to zero and is masked; then it would have grown, so that it comes back as it was.
    assert seen == [[0.0, 2.1], [0.9, 0.0]]


def test_magnitude_takes_the_smallest_of_each_layer(room: Classroom) -> None:
    tune = {"epochs": 0, "between": 0}
    sparse = room.step("prune", "small", kind="unstructured", sparsity=0.3, scope="local", finetune=tune)
    before = dict(rebuild(room.baseline, room.root).named_parameters())
    for name, zero in zeros(sparse, room).items():
        weight = before[name].detach().abs()
        assert float(weight[zero].max()) <= float(weight[~zero].min())


def test_the_claims_are_exact_layer_by_layer(room: Classroom) -> None:
    sparse = room.step("prune", "claimed", **HALF, skip=["body.0", "head"])
    found = {name: int(zero.sum()) for name, zero in zeros(sparse, room).items() if int(zero.sum())}
    record = read_record(sparse)
    claimed = {f"{one['layer']}.weight": one["zeros"] for one in record.claims if "zeros" in one}
    assert claimed == found
    assert set(found) == {"body.1.0.weight", "body.2.0.weight"}
    assert record.claims[-1] == {"claim": "stored_zeros", "step": "prune", "layers": ["body.1.0", "body.2.0"]}
    assert record.extra["prune"]["left_alone"]["head"] == "it is skipped"
    assert "weights (50.0%) in 2 layers set to zero (50.0% asked)" in record.extra["prune"]["effect"]


@pytest.mark.parametrize("pattern", ["2:4", "1:4", "1:2"])
def test_n_of_m_stay(room: Classroom, pattern: str) -> None:
    stay, of = (int(part) for part in pattern.split(":"))
    sparse = room.step("prune", f"pattern{stay}{of}", kind="n_m", pattern=pattern, finetune={"epochs": 1})
    model = dict(rebuild(sparse, room.root).named_parameters())
    for layer in ("body.1.0.weight", "body.2.0.weight", "head.weight"):
        assert follows_pattern(model[layer], stay, of)
        assert float((model[layer] == 0).float().mean()) == 1 - stay / of
    assert bool((model["body.0.0.weight"] != 0).all())
    assert read_record(sparse).extra["prune"]["left_alone"] == {
        "body.0.0": f"it reads 1 input channels a group, fewer than {of}"
    }


LATER: list[dict[str, Any]] = [
    {"method": "distil", "epochs": 2},
    {"method": "distil", "epochs": 2, "kind": "features", "layers": {"body.1": "body.1"}},
    {"method": "prune", "kind": "unstructured", "sparsity": 0.7, "finetune": {"epochs": 1, "between": 1}},
    {"method": "prune", "kind": "n_m", "finetune": {"epochs": 1}},
    {"method": "cluster", "finetune": {"epochs": 1}},
    {"method": "quantize", "kind": "static"},
    {"method": "qat", "epochs": 1},
]


@pytest.mark.parametrize("number", range(len(LATER)))
def test_zeros_survive_every_later_step(room: Classroom, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Also with an optimizer that moves weights without a gradient: momentum and weight decay."""
    monkeypatch.setattr(room, "train", {"optimizer": "sgd", "weight_decay": 0.1, "momentum": 0.9})
    sparse = room.step("prune", f"sparse{number}", **HALF)
    later = dict(LATER[number])
    after = room.step(later.pop("method"), f"after{number}", model=sparse, **later)
    before, now = zeros(sparse, room), zeros(after, room)
    assert all(bool(now[name][zero].all()) for name, zero in before.items())
    assert {claim["claim"] for claim in read_record(after).claims} >= {"sparsity", "stored_zeros"}
    assert read_masks(after).keys() == read_masks(sparse).keys()


def test_without_the_masks_training_fills_the_zeros_again(room: Classroom, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the test above would see if a step trained without asking for constraints."""
    sparse = room.step("prune", "held", **HALF)
    monkeypatch.setattr("edgebuild.compress.training.constraints_of", lambda _folder: [])
    assert share(zeros(room.step("distil", "filled", model=sparse, epochs=1), room)) < 0.1


def test_masks_do_not_fit_another_structure(room: Classroom) -> None:
    """The order of a plan forbids it; a step that changed the structure all the same is found out."""
    sparse = room.step("prune", "before", **HALF)
    model = rebuild(sparse, room.root)
    model.get_submodule("body.1.0").weight = torch.nn.Parameter(torch.zeros(16, 8, 3, 3))
    from edgebuild.compress.constraints import constraints_of

    (keep,) = constraints_of(sparse)
    with (
        pytest.raises(ConfigError, match=r"'body.1.0.weight': it has shape \(16, 8, 3, 3\), expected \(16, 16, 3, 3\)"),
        keep.attached(model, ()),
    ):
        pass


def test_nothing_left_to_prune_is_told(room: Classroom) -> None:
    with pytest.raises(ConfigError) as raised:
        room.step("prune", "nothing", kind="n_m", skip=["body", "head"])
    assert raised.value.message.startswith("prune: the model has no weights that could be set to zero (body.0.0: ")
