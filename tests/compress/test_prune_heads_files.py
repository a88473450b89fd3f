"""The exported files have the heads that were kept, and a file in which they were not cut is found out."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild.compress.open_attention import open_attentions
from edgebuild.model.load import derive_model_folder, rebuild
from edgebuild.model.model_folder import read_record
from tests.compress.families import Built, Family

FORMATS = ("tflite", "executorch")
SAME_DB = 100.0
PARTS = ("q_proj", "k_proj", "v_proj")


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    """An encoder over token ids, with torch's own attention in two layers."""
    return Family(tmp_path_factory.mktemp("text"), "text")


@pytest.fixture(scope="module")
def pruned(family: Family) -> Path:
    return family.plan("pruned", ("prune", {"ratio": 0.5, "scope": "local", "finetune": {"epochs": 1}}))


def held(built: Built, kind: str) -> dict[str, bool]:
    return {str(one.claim["layer"]): one.holds for one in built.proof.claims if one.claim["claim"] == kind}


@pytest.mark.parametrize("form", FORMATS)
def test_the_file_has_the_heads_that_were_kept(family: Family, pruned: Path, form: str) -> None:
    built = family.export(pruned, form, "fp32")
    assert built.sqnr_db > SAME_DB
    assert [one.claim for one in built.proof.claims if not one.holds] == []
    for number in (0, 1):
        attention = f"encoder.layers.{number}.self_attn"
        assert {f"{attention}.{part}" for part in PARTS} <= set(held(built, "channels"))
        assert f"{attention}.out_proj" in held(built, "input_channels")
        sizes = {weight.layer: weight.shape for weight in built.census.weights}
        assert {sizes[f"{attention}.{part}"][0] for part in PARTS} == {16}
        assert sizes[f"{attention}.out_proj"][1] == 16
    (macs,) = (one for one in built.proof.claims if one.claim["claim"] == "macs")
    assert {f"encoder.layers.0.self_attn.{part}" for part in (*PARTS, "out_proj")} <= set(macs.claim["layers"])


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_with_all_heads_is_found_out(family: Family, pruned: Path, form: str) -> None:
    """As if the step had opened the attention, written down what it cuts, and cut nothing."""
    whole = family.root / f"whole-{form}"
    whole.mkdir()
    model = rebuild(family.baseline, family.root)
    derive_model_folder(family.baseline, whole, model, edits=tuple(open_attentions(model)))
    built = family.export(whole, form, "fp32", claims=pruned)
    assert built.sqnr_db > SAME_DB
    for kind in ("channels", "input_channels"):
        assert held(built, kind)
        assert not any(held(built, kind).values())
    (macs,) = (one for one in built.proof.claims if one.claim["claim"] == "macs")
    assert not macs.holds


def test_the_ledger_counts_heads(pruned: Path) -> None:
    effect = str(read_record(pruned).extra["prune"]["effect"])
    assert "2 of 4 heads of encoder.layers.0.self_attn, 2 of 4 heads of encoder.layers.1.self_attn cut in" in effect
