"""The example that is trained once for two runtimes, built: both files hold the same integers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edgebuild.model.model_folder import read_record
from tests.compress.building import Building

PI, PHONE = "raspberry-pi-4-qat", "android-arm64-qat"


@pytest.fixture(scope="module")
def built(digits: Callable[..., Building]) -> Building:
    return digits("qat.yaml", wanted=("verify",))


def facts(built: Building, target: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((built.folder(built.stages[target].verify) / "verify.json").read_text())
    return found


def figure(built: Building, target: str, name: str) -> float:
    return next(float(one["value"]) for one in facts(built, target)["figures"] if one["name"] == name)  # type: ignore[attr-defined]


def test_both_targets_train_once(built: Building) -> None:
    folders = [built.folder(built.stages[target].steps[0]) for target in (PI, PHONE)]
    assert folders[0] == folders[1]
    assert read_record(folders[0]).extra["qat"]["effect"] == (
        "trained 3 epochs in int8 steps: 8 weight tensors, ranges of 11 groups of activations, 7 batch norms folded"
    )


@pytest.mark.parametrize("target", [PI, PHONE])
def test_the_file_is_what_was_trained(built: Building, target: str) -> None:
    proofs = facts(built, target)["claims"]
    assert [proof["claim"]["claim"] for proof in proofs if proof["holds"]] == [  # type: ignore[attr-defined]
        *("weights_dtype", "activations_dtype", "trained_weights", "activation_ranges"),
    ]
    assert [one for one in facts(built, target)["findings"] if one["severity"] == "fatal"] == []  # type: ignore[attr-defined]
    assert figure(built, target, "sqnr") > 35


def test_both_files_hold_the_same_integers(built: Building) -> None:
    digests = []
    for target in (PI, PHONE):
        census = built.census(built.stages[target].export)
        digests.append(sorted(str(tensor.digest) for tensor in census.weights))
    assert digests[0] == digests[1]
    assert len(set(digests[0])) > 1


def test_accuracy_is_kept(built: Building) -> None:
    """The baseline's own score, within one image in a hundred."""
    baseline = built.figure("score", "accuracy")
    assert all(figure(built, target, "accuracy") >= baseline - 1 for target in (PI, PHONE))


def test_the_ledger_has_the_rounded_model(built: Building) -> None:
    folder: Path = built.folder(built.stages[PI].scores[0])
    assert built.stages[PI].scores == (f"{PI}/1-qat/score",)
    assert (folder / "score.json").is_file()


def test_a_composed_plan_keeps_every_claim(digits: Callable[..., Building]) -> None:
    """Cut channels, zeros, and integers trained with a teacher: all of it is in both files."""
    built = digits("composed.yaml", wanted=("verify",))
    for target in built.stages:
        proofs = facts(built, target)["claims"]
        assert {proof["claim"]["claim"] for proof in proofs} >= {"channels", "macs", "sparsity", "trained_weights"}  # type: ignore[attr-defined]
        assert [proof["evidence"] for proof in proofs if not proof["holds"]] == []  # type: ignore[attr-defined]
        assert [one for one in facts(built, target)["findings"] if one["severity"] == "fatal"] == []  # type: ignore[attr-defined]
        assert figure(built, target, "sqnr") > 35
