"""Composed plans of the examples, built for both runtimes: what distillation and masks promised is in the files."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from edgebuild.compress.constraints.zeros import read_masks
from edgebuild.graph.assemble import SCORE
from edgebuild.model.load import WEIGHTS
from edgebuild.model.weights import read_weights
from tests.compress.building import Building

TARGETS = ("raspberry-pi-4", "android-arm64")


@pytest.fixture(scope="module")
def sparse(digits: Callable[..., Building]) -> Building:
    return digits("sparse.yaml", wanted=("verify",))


@pytest.fixture(scope="module")
def distilled(digits: Callable[..., Building]) -> Building:
    return digits("distilled.yaml", wanted=("verify",))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("project", ["sparse", "distilled"])
def test_every_claim_holds_in_the_file(project: str, target: str, request: pytest.FixtureRequest) -> None:
    built: Building = request.getfixturevalue(project)
    facts = json.loads((built.folder(built.stages[f"{target}-{project}"].verify) / "verify.json").read_text())
    expected = {"sparse": {"sparsity", "zero_places", "stored_zeros"}, "distilled": {"channels", "macs"}}
    assert {proof["claim"]["claim"] for proof in facts["claims"]} >= expected[project]
    assert all(proof["holds"] for proof in facts["claims"])
    assert [finding for finding in facts["findings"] if finding["severity"] == "fatal"] == []


@pytest.mark.parametrize("target", TARGETS)
def test_another_file_would_be_found_out(sparse: Building, distilled: Building, target: str) -> None:
    """The narrow file has not the zeros of the wide one, and the wide one is no student."""
    ours, theirs = f"{target}-sparse", f"{target}-distilled"
    files = sparse.census(sparse.stages[ours].export), distilled.census(distilled.stages[theirs].export)
    zeros = [proof for proof in sparse.proofs(ours, files[1]) if proof.claim["claim"] == "sparsity"]
    assert zeros
    assert not any(proof.holds for proof in zeros)
    channels = [proof for proof in distilled.proofs(theirs, files[0]) if proof.claim["claim"] == "channels"]
    assert [proof.claim["layer"] for proof in channels if proof.holds] == ["head"]


def test_the_report_says_that_zeros_gain_nothing_where_they_are_stored(sparse: Building) -> None:
    (note,) = notes(sparse, "android-arm64-sparse", "stored-zeros")
    assert "is no smaller and runs no faster for them" in note


def test_the_report_says_what_is_left_out_and_that_nothing_runs_faster(sparse: Building) -> None:
    (zeros,) = notes(sparse, "raspberry-pi-4-sparse", "stored-zeros")
    assert "zeros not stored" in zeros
    assert "runs no faster for them" in zeros
    (storage,) = notes(sparse, "raspberry-pi-4-sparse", "sparse-storage")
    assert "unpacked to the same numbers" in storage
    export = sparse.folder(sparse.stages["raspberry-pi-4-sparse"].export)
    assert (export / "model.tflite").stat().st_size < 0.75 * (export / "dense.tflite").stat().st_size


def notes(sparse: Building, target: str, code: str) -> list[str]:
    facts = json.loads((sparse.folder(sparse.stages[target].verify) / "verify.json").read_text())
    found = [finding for finding in facts["findings"] if finding["code"] == code]
    assert {finding["severity"] for finding in found} == {"note"}
    return [finding["message"] for finding in found]


def test_zeros_of_pruning_are_zeros_after_distillation(sparse: Building) -> None:
    prune, distil, _ = sparse.stages["raspberry-pi-4-sparse"].steps
    masks, weights = read_masks(sparse.folder(prune)), read_weights(sparse.folder(distil) / WEIGHTS)
    assert sum(int((mask == 0).sum()) for mask in masks.values()) == round(0.8 * 26448)
    assert all(bool((weights[name][mask == 0] == 0).all()) for name, mask in masks.items())


def test_the_ledger_shows_the_smaller_student(distilled: Building) -> None:
    student, pruned = distilled.stages["android-arm64-distilled"].scores
    for name, share in (("macs", 0.5), ("parameters", 0.5)):
        assert distilled.figure(student, name) < share * distilled.figure(SCORE, name)
        assert distilled.figure(pruned, name) < 0.75 * distilled.figure(student, name)
    assert distilled.figure(pruned, "accuracy") > distilled.figure(SCORE, "accuracy") - 2.0


def test_both_targets_are_built_from_the_same_weights(distilled: Building) -> None:
    first, second = (distilled.folder(distilled.stages[f"{target}-distilled"].steps[1]) for target in TARGETS)
    assert first == second
