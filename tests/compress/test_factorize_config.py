"""The step in a project file: what fits together, and where it may stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild.compress.factorize.parameters import Factorize, Rank
from tests.compress.test_prune_config import QUANTIZE, told


def test_before_and_after_prune_it_is_welcome(tmp_path: Path) -> None:
    prune = "prune: {ratio: 0.3}"
    assert (
        told(tmp_path, "factorize: {rank: vbmf, skip: [stem, 'head*'], finetune: {epochs: 3}}", prune, QUANTIZE) == []
    )
    assert told(tmp_path, prune, "factorize: {kind: tucker2, rank: {macs: 0.5}}", QUANTIZE) == []
    assert told(tmp_path, "factorize", QUANTIZE) == []


def test_after_quantize_it_may_not_stand(tmp_path: Path) -> None:
    (found,) = told(tmp_path, QUANTIZE, "factorize: {rank: vbmf}")
    assert "factorize: may not follow quantize (line 9): a step that changes the structure undoes" in found


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            "{kind: tucker}",
            "factorize.kind: expected one of auto, svd, tucker2, cp, spatial_svd, found 'tucker'; did you",
        ),
        ("{rank: {energy: 1.2}}", "factorize.rank.energy: 1.2 is not in (0, 1)"),
        ("{rank: {macs: 0}}", "factorize.rank.macs: 0 is not in (0, 1)"),
        ("{rank: {}}", "factorize.rank: expected one of energy, macs, parameters, ratio and vbmf, found none"),
        (
            "{rank: {energy: 0.9, macs: 0.5}}",
            "factorize.rank: expected one of energy, macs, parameters, ratio and vbmf, found energy and macs",
        ),
        ("{rank: vbfm}", "factorize.rank: expected vbmf or a mapping, found 'vbfm'"),
        ("{rank: 8}", "factorize.rank: expected vbmf or a mapping, found 8"),
        ("{rank: {energie: 0.9}}", "factorize.rank.energie: unknown key; did you mean 'energy'?"),
        (
            "{kind: cp, rank: vbmf}",
            "factorize.rank: vbmf finds ranks of matrices, not that of cp; expected energy, macs",
        ),
        ("{round_to: 0}", "factorize.round_to: expected at least 1, found 0"),
        ("{finetune: {epoch: 3}}", "factorize.finetune.epoch: unknown key; did you mean 'epochs'?"),
    ],
)
def test_what_does_not_fit_is_told_at_its_place(tmp_path: Path, parameters: str, message: str) -> None:
    (found,) = told(tmp_path, f"factorize: {parameters}", QUANTIZE)
    assert message in found


def test_the_word_and_the_mapping_say_the_same_and_survive_json() -> None:
    word, mapping = (Factorize.model_validate({"rank": rank}) for rank in ("vbmf", {"vbmf": True}))
    assert word == mapping == Factorize.model_validate(word.model_dump(mode="json"))
    assert [str(Rank(energy=0.9)), str(word.rank), Rank(macs=0.5).goal] == ["energy 0.9", "vbmf", "macs"]
