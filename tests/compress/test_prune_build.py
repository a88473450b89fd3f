"""The example of a pruned project, built for both runtimes: the files are smaller, and a whole file is found out."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from edgebuild.check.macs import weight_macs
from edgebuild.check.wiring import Wiring
from edgebuild.graph.assemble import SCORE
from tests.compress.building import Building

TARGETS = ("raspberry-pi-4-pruned", "android-arm64-pruned")


@pytest.fixture(scope="module")
def built(digits: Callable[..., Building]) -> Building:
    return digits("pruned.yaml")


@pytest.mark.parametrize("target", TARGETS)
def test_the_file_is_proved_to_be_pruned(built: Building, target: str) -> None:
    facts = json.loads((built.folder(built.stages[target].verify) / "verify.json").read_text())
    assert {proof["claim"]["claim"] for proof in facts["claims"]} >= {"channels", "channel_multiple", "macs"}
    assert all(proof["holds"] for proof in facts["claims"])
    assert [finding for finding in facts["findings"] if finding["severity"] == "fatal"] == []


@pytest.mark.parametrize("target", TARGETS)
def test_the_whole_file_would_be_found_out(built: Building, target: str) -> None:
    proofs = built.proofs(target, built.census(built.stages[target].float_export))
    missed = {proof.claim["claim"] for proof in proofs if not proof.holds}
    assert {"channels", "macs"} <= missed
    assert all(not proof.holds for proof in proofs if proof.claim["claim"] == "channels")


@pytest.mark.parametrize("target", TARGETS)
def test_the_file_computes_as_much_as_the_model_in_the_ledger(built: Building, target: str) -> None:
    census, ids = built.census(built.stages[target].export), built.stages[target]
    wiring = Wiring(census)
    macs = sum(weight_macs(weight, wiring) for weight in census.weights if len(weight.shape) > 1)
    assert macs == built.figure(ids.scores[0], "macs") <= 0.5 * built.figure(SCORE, "macs")


def test_the_ledger_has_less_of_everything_but_accuracy(built: Building) -> None:
    pruned = built.stages[TARGETS[0]].scores[0]
    for name in ("macs", "parameters", "file_size"):
        assert built.figure(pruned, name) < 0.6 * built.figure(SCORE, name)
    assert built.figure(pruned, "accuracy") > built.figure(SCORE, "accuracy") - 2.0


def test_both_targets_share_one_pruned_model(built: Building) -> None:
    first, second = (built.folder(built.stages[target].steps[0]) for target in TARGETS)
    assert first == second
