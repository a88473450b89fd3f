"""The composed plans of the digits: every claim of every step holds in the file at the end."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.compress.building import DIGITS, Building

CLAIMS = {
    "small-download": {"channels", "macs", "sparsity", "distinct_values", "weights_dtype"},
    "low-rank": {"channels", "factors", "macs", "trained_weights", "activation_ranges"},
    "student": {"channels", "macs", "trained_weights", "activation_ranges"},
    "two-of-four": {"factors", "macs", "sparsity", "biases", "activation_ranges"},
}


@pytest.fixture(scope="module")
def built(digits: Callable[..., Building]) -> Building:
    return digits("compositions.yaml", wanted=("verify",), epochs=1)


@pytest.mark.parametrize("target", CLAIMS)
def test_every_claim_of_a_composed_plan_holds(built: Building, target: str) -> None:
    facts = json.loads((built.folder(built.stages[target].verify) / "verify.json").read_text())
    assert {proof["claim"]["claim"] for proof in facts["claims"]} >= CLAIMS[target]
    assert [proof["evidence"] for proof in facts["claims"] if not proof["holds"]] == []


def test_all_profiles_of_the_folder_are_built(built: Building) -> None:
    assert set(built.stages) == set(CLAIMS) == {file.stem for file in (DIGITS / "targets").glob("*.yaml")}
