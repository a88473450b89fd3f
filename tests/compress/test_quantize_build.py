"""The examples of mixed precision and of 4-bit weights, built: what was chosen is what the files have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgebuild.model.model_folder import read_record
from tests.compress.building import Building


@pytest.fixture(scope="module")
def mixed(digits: Callable[..., Building]) -> Building:
    return digits("mixed_precision.yaml", wanted=("verify",))


@pytest.fixture(scope="module")
def four_bits(digits: Callable[..., Building]) -> Building:
    return digits("weight_only.yaml", wanted=("verify",))


def types_in(built: Building, target: str) -> dict[str, str]:
    census = built.census(built.stages[target].export)
    return {str(tensor.layer): tensor.dtype for tensor in census.weights}


def step_of(built: Building, target: str) -> Path:
    return built.folder(built.stages[target].steps[0])


def test_both_formats_have_the_layers_that_were_measured_worst_in_float(mixed: Building) -> None:
    assert not mixed.result.errors()
    record = read_record(step_of(mixed, "android-arm64-mixed"))
    own = record.extra["quantize"]
    chosen = {row["layer"]: row["type"] for row in own["sensitivity"]}
    assert set(chosen.values()) == {"int8", "float32"}
    weights = {row["layer"]: row["weights"] for row in own["sensitivity"]}
    floats = [layer for layer, kind in chosen.items() if kind == "float32"]
    assert sum(weights[layer] for layer in floats) <= 0.2 * sum(weights.values())
    for target in ("android-arm64-mixed", "raspberry-pi-4-mixed"):
        assert types_in(mixed, target) == chosen, target
        assert all(proof.holds for proof in mixed.proofs(target, mixed.census(mixed.stages[target].export)))


def test_both_targets_measure_once(mixed: Building) -> None:
    assert step_of(mixed, "android-arm64-mixed") == step_of(mixed, "raspberry-pi-4-mixed")


def test_the_ends_are_float(mixed: Building) -> None:
    types = types_in(mixed, "android-arm64-ends")
    assert {layer for layer, kind in types.items() if kind == "float32"} == {"stem.0", "head"}


def test_the_rest_is_trained_once_for_both_formats(mixed: Building) -> None:
    targets = ("android-arm64-ends-trained", "raspberry-pi-4-ends-trained")
    assert step_of(mixed, targets[0]) == step_of(mixed, targets[1])
    trained = []
    for target in targets:
        census = mixed.census(mixed.stages[target].export)
        assert {tensor.layer for tensor in census.weights if tensor.dtype == "float32"} == {"stem.0", "head"}
        assert all(proof.holds for proof in mixed.proofs(target, census)), target
        trained.append(sorted(str(tensor.digest) for tensor in census.weights if tensor.dtype == "int8"))
    assert trained[0] == trained[1]
    assert len(set(trained[0])) == 6


def test_weights_of_four_bits(four_bits: Building) -> None:
    assert not four_bits.result.errors()
    stored = types_in(four_bits, "raspberry-pi-4-int4")
    assert {layer for layer, kind in stored.items() if kind != "int4"} == {
        "stem.0",
        "body.1.depthwise.0",
        "body.2.depthwise.0",
    }
    assert set(stored.values()) == {"int4", "int8"}
    mixed = types_in(four_bits, "raspberry-pi-4-int4-mixed")
    assert {"int4", "int8"} == set(mixed.values())
    assert sum(kind == "int4" for kind in mixed.values()) < sum(kind == "int4" for kind in stored.values())
    assert types_in(four_bits, "android-arm64-int4")["head"] == "int4"
