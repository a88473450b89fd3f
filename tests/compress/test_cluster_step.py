"""The step `cluster`: weights share values, training moves the values, zeros and later steps keep to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgebuild.compress.cluster.kmeans import nearest
from edgebuild.compress.cluster.layers import distinct_values
from edgebuild.compress.constraints import constraints_of
from edgebuild.errors import ConfigError
from edgebuild.model.data_folder import read_inputs
from edgebuild.model.evaluate import predict
from edgebuild.model.load import rebuild
from edgebuild.model.model_folder import read_record
from tests.compress.classroom import Classroom

LAYERS = ("body.0.0", "body.1.0", "body.2.0", "head")
NO_TRAINING: dict[str, Any] = {"finetune": {"epochs": 0}}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    return Classroom(tmp_path_factory.mktemp("room"), "plain", epochs=2)


def weights(folder: Path, room: Classroom) -> dict[str, torch.Tensor]:
    model = rebuild(folder, room.root)
    return {layer: model.get_parameter(f"{layer}.weight").detach() for layer in LAYERS}


def outputs(folder: Path, room: Classroom) -> np.ndarray:
    inputs = read_inputs(room.data, "validation")
    return predict(rebuild(folder, room.root), inputs, names=("output",))["output"]


@pytest.mark.parametrize("epochs", [0, 2])
def test_a_layer_has_as_many_values_as_were_asked(room: Classroom, epochs: int) -> None:
    shared = room.step("cluster", f"layer{epochs}", clusters=8, finetune={"epochs": epochs})
    found = weights(shared, room)
    assert {distinct_values(weight, "per_layer") for weight in found.values()} == {8}
    record = read_record(shared)
    assert [claim["layer"] for claim in record.claims] == list(LAYERS)
    assert record.extra["cluster"]["codebooks"]["head.weight"] == sorted(found["head"].unique().tolist())
    assert "4 layers share 8 values a layer (8 asked)" in record.extra["cluster"]["effect"]


def test_a_channel_has_as_many_values_as_were_asked(room: Classroom) -> None:
    found = weights(room.step("cluster", "channel", bits=2, scope="per_channel"), room)
    for layer in LAYERS[1:]:
        assert distinct_values(found[layer], "per_channel") == 4
        assert distinct_values(found[layer], "per_layer") > 4


def test_batch_norms_are_folded_and_nothing_else_changes(room: Classroom) -> None:
    """With so many values that k-means changes little, the folded model computes what the model did."""
    shared = room.step("cluster", "folded", clusters=128, **NO_TRAINING)
    record = read_record(shared)
    assert [edit["norm"] for edit in record.edits] == ["body.0.1", "body.1.1", "body.2.1"]
    np.testing.assert_allclose(outputs(shared, room), outputs(room.baseline, room), atol=0.1)


def test_training_moves_the_values_and_helps(room: Classroom) -> None:
    before = weights(room.step("cluster", "untrained", clusters=4, **NO_TRAINING), room)
    after = weights(room.step("cluster", "trained", clusters=4, finetune={"epochs": 3}), room)
    assert any(not torch.equal(before[layer].unique(), after[layer].unique()) for layer in LAYERS)
    for layer in LAYERS:  # who shares a value with whom does not change
        old, new = before[layer].flatten(), after[layer].flatten()
        pairs = {(float(a), float(b)) for a, b in zip(old, new, strict=True)}
        assert len(pairs) == len(old.unique())


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_the_gradient_of_a_value_is_the_sum_of_its_members(room: Classroom, optimizer: str) -> None:
    """One step of sgd against the sum by hand; with every optimizer weights of one value stay so."""
    from edgebuild.compress.constraints.codebooks import SharedValues

    layer = torch.nn.Linear(6, 3)
    model, weight = torch.nn.Sequential(layer), layer.weight
    weight.data = torch.tensor([[0.5, -0.5, 0.0, 0.5, -0.5, 0.0]] * 3)
    addition = SharedValues({"0.weight": "per_layer"}, keep_zeros=True)
    with addition.attached(model, ()):
        (values,) = addition.parameters()
        kinds: dict[str, Any] = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
        own = kinds[optimizer]([*model.parameters(), values], lr=0.01)
        model(torch.arange(12.0).reshape(2, 6)).square().sum().backward()
        assert weight.grad is not None
        sums = [float(weight.grad[weight == value].sum()) for value in (-0.5, 0.5)]
        addition.after_backward(model, 0.0)
        assert values.grad is not None
        np.testing.assert_allclose(values.grad.numpy(), [sums[0], 0.0, sums[1]], rtol=1e-5)
        own.step()
        addition.after_step(model, 0.1)
    assert len(weight.unique()) == 3
    assert bool((weight[:, 2] == 0).all())
    if optimizer == "sgd":
        np.testing.assert_allclose(float(weight.detach()[0, 0]), 0.5 - 0.01 * sums[1], rtol=1e-5)


@pytest.mark.parametrize("scope", ["per_layer", "per_channel"])
def test_zeros_of_pruning_stay_and_take_one_value(room: Classroom, scope: str) -> None:
    tune = {"epochs": 1, "between": 0}
    sparse = room.step("prune", f"sparse_{scope}", kind="unstructured", sparsity=0.6, finetune=tune)
    zeros = {layer: weight == 0 for layer, weight in weights(sparse, room).items()}
    shared = room.step("cluster", f"both_{scope}", model=sparse, clusters=5, scope=scope, finetune={"epochs": 2})
    for layer, weight in weights(shared, room).items():
        assert torch.equal(weight == 0, zeros[layer])
        assert distinct_values(weight, scope) <= 5
    with pytest.raises(ConfigError, match="would give up the zeros"):
        room.step("cluster", f"refused_{scope}", model=sparse, keep_zeros=False)


@pytest.mark.parametrize("later", ["qat", "quantize"])
def test_codebooks_survive_later_steps(room: Classroom, later: str) -> None:
    shared = room.step("cluster", f"shared_{later}", clusters=6, **NO_TRAINING)
    own: dict[str, Any] = {"epochs": 2} if later == "qat" else {}
    after = weights(room.step(later, f"then_{later}", model=shared, granularity="per_tensor", **own), room)
    assert all(distinct_values(weight, "per_layer") <= 6 for weight in after.values())


def test_without_the_constraint_training_would_part_them(room: Classroom, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the test above would see if a step trained without asking for constraints."""
    shared = room.step("cluster", "kept", clusters=6, **NO_TRAINING)
    assert len(constraints_of(shared)) == 1
    monkeypatch.setattr("edgebuild.compress.training.constraints_of", lambda _folder: [])
    after = weights(room.step("qat", "parted", model=shared, granularity="per_tensor", epochs=1), room)
    assert distinct_values(after["body.1.0"], "per_layer") > 20


def test_the_same_seed_gives_the_same_bits(room: Classroom) -> None:
    options: dict[str, Any] = {"clusters": 6, "init": "kmeans++", "finetune": {"epochs": 1}}
    first, again = (room.step("cluster", name, **options) for name in ("first", "again"))
    assert (first / "weights.safetensors").read_bytes() == (again / "weights.safetensors").read_bytes()


def test_what_is_left_alone_is_told(room: Classroom) -> None:
    shared = room.step("cluster", "skipping", clusters=80, skip=["body.0", "body.1"], **NO_TRAINING)
    alone = read_record(shared).extra["cluster"]["left_alone"]
    assert alone["body.0.0"] == "it is skipped"
    assert alone["head"] == "it has no more than 80 values as it is"
    with pytest.raises(ConfigError, match="no layer of the model has weights to share"):
        room.step("cluster", "nothing", clusters=80, skip=["body"])
    with pytest.raises(ConfigError, match="'bodi' matches no layer"):
        room.step("cluster", "misspelled", skip=["bodi"])


def test_values_between_two_centroids_go_to_the_lower() -> None:
    np.testing.assert_array_equal(nearest(np.array([0.5, 0.51, -9.0]), np.array([0.0, 1.0])), [0, 1, 0])
