"""The example of a size and of cuts by feedback, built for both runtimes: the bytes are proved, the curves are told."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from edgebuild.check.census.model import Census
from edgebuild.check.claims.parameter_bytes import check
from edgebuild.check.verify import ClaimProof
from edgebuild.graph.collect import Invocation, collect
from edgebuild.model.model_folder import read_record
from tests.compress.building import Building

SIZED, BY_FEEDBACK = "raspberry-pi-4-sensitivity", "android-arm64-feedback"


@pytest.fixture(scope="module")
def built(digits: Callable[..., Building]) -> Building:
    return digits("sensitivity.yaml", wanted=("verify",))


def of_bytes(built: Building, census: Census) -> list[ClaimProof]:
    return [proof for proof in built.proofs(SIZED, census) if proof.claim["claim"] == "parameter_bytes"]


@pytest.mark.parametrize("target", [SIZED, BY_FEEDBACK])
def test_the_file_is_proved_to_be_pruned(built: Building, target: str) -> None:
    facts = json.loads((built.folder(built.stages[target].verify) / "verify.json").read_text())
    assert {proof["claim"]["claim"] for proof in facts["claims"]} >= {"channels", "channel_multiple", "macs"}
    assert all(proof["holds"] for proof in facts["claims"])


def test_the_parameters_in_the_file_are_within_the_size(built: Building) -> None:
    census = built.census(built.stages[SIZED].export)
    stored = sum(tensor.bytes for tensor in census.tensors if tensor.role in ("weight", "bias"))
    (proof,) = of_bytes(built, census)
    assert proof.holds
    assert 0.7 * 12 * 1024 < stored <= proof.claim["maximum"] <= 12 * 1024


def test_a_file_with_one_byte_more_would_be_found_out(built: Building) -> None:
    census = built.census(built.stages[SIZED].export)
    stored = sum(tensor.bytes for tensor in census.tensors if tensor.role in ("weight", "bias"))
    (proof,) = of_bytes(built, census)
    assert check(census, {**proof.claim, "maximum": stored}).findings == ()
    (finding,) = check(census, {**proof.claim, "maximum": stored - 1}).findings
    assert finding.severity == "fatal"


def test_the_report_has_the_curves(built: Building) -> None:
    facts = collect(built.project, built.project.targets, built.result, Invocation("", "2026-01-31T12:00:00Z", 0.0, {}))
    told = {target.name: target.sensitivity for target in facts.targets}
    (curves,) = told[SIZED]
    assert (curves.stage, curves.samples, curves.importance) == ("1-prune", 256, "hessian")
    assert {len(curve.points) for curve in curves.curves} == {9}
    assert told[BY_FEEDBACK] == ()


def test_cuts_by_feedback_stay_within_what_may_be_lost(built: Building) -> None:
    account = read_record(built.folder(built.stages[BY_FEEDBACK].steps[0])).extra["prune"]
    assert len(account["attempts"]) >= len(account["cuts"]) >= 1
    assert all(cut["lost"] <= 1.0 for cut in account["cuts"])
    assert account["sparsify"]["sizes"]["cut"]["after"] < account["sparsify"]["sizes"]["cut"]["before"]
