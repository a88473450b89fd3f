"""The step factorizes as far as it is told, writes down what it did, and says what stands in the way."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgebuild.errors import ConfigError
from edgebuild.model.count import count_model
from edgebuild.model.edits import replay
from edgebuild.model.load import build_factory, rebuild
from edgebuild.model.model_folder import ModelRecord, read_record
from edgebuild.model.weights import read_weights
from tests.compress import factor_zoo
from tests.compress.workshop import Workshop, image

ZOO = Path(factor_zoo.__file__)
HALF = {"energy": 0.5}
REPLAYED = ["plain", "residual", "mobile", "perceptron", "signal", "encoder", "torch_encoder", "twice", "alias"]


def workshop(root: Path, network: str = "plain", epochs: int = 0) -> Workshop:
    return Workshop(root, network, epochs, ZOO)


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return workshop(tmp_path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return workshop(tmp_path_factory.mktemp("trained"), epochs=6)


def account(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = read_record(folder).extra["factorize"]
    return found


def share(folder: Path, what: str) -> float:
    return float(account(folder)["after"][what] / account(folder)["before"][what])


def claims(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [claim for claim in read_record(folder).claims if claim["claim"] == kind]


def outputs(folder: Path, root: Path) -> torch.Tensor:
    with torch.no_grad():
        return rebuild(folder, root)(*image())


def holds(folder: Path, root: Path) -> None:
    """What the folder claims of factors, channels and MACs is so in the model it holds."""
    model = rebuild(folder, root)
    cost = {row.layer: row.macs for row in count_model(model, image()).layers}
    for claim in claims(folder, "factors"):
        assert isinstance(model.get_submodule(claim["layer"]), torch.nn.Sequential)
        for row in claim["factors"]:
            weight = model.get_submodule(row["layer"]).weight
            assert (len(weight), weight.numel()) == (row["channels"], row["weights"])
    for claim in claims(folder, "channels"):
        assert len(model.get_submodule(claim["layer"]).weight) == claim["kept"]
    for claim in claims(folder, "macs"):
        assert sum(cost[layer] for layer in claim["layers"]) <= claim["maximum"] < claim["before"]


@pytest.mark.parametrize("network", REPLAYED)
def test_the_edits_make_the_same_model_out_of_a_fresh_one(tmp_path: Path, network: str) -> None:
    shop = workshop(tmp_path, network)
    folder = shop.factorize(rank=HALF)
    record = read_record(folder)
    fresh = build_factory(record.source, tmp_path, seed=99).eval()
    replay(fresh, json.loads(json.dumps(record.edits)))
    fresh.load_state_dict(read_weights(folder / "weights.safetensors"))
    with torch.no_grad():
        assert torch.equal(fresh(*image()), outputs(folder, tmp_path))
    cost = count_model(fresh, image())
    assert [cost.macs, cost.parameters] == [account(folder)["after"][key] for key in ("macs", "parameters")]
    assert cost.macs < account(folder)["before"]["macs"]
    factorized = [edit for edit in record.edits if edit["edit"] == "factorize"]
    assert len(claims(folder, "factors")) == len(account(folder)["layers"]) == len(factorized)
    holds(folder, tmp_path)


@pytest.mark.parametrize("kind", ["auto", "svd", "tucker2", "spatial_svd", "cp"])
def test_every_method_keeps_the_energy_it_is_told(shop: Workshop, kind: str) -> None:
    kept = []
    for energy in (0.4, 0.6):
        folder = shop.factorize(f"{kind}{energy}", kind=kind, rank={"energy": energy}, skip=["body.[023]", "head"])
        (row,) = account(folder)["layers"]
        assert row["energy"] >= energy
        assert all(row[what]["after"] < row[what]["before"] for what in ("macs", "parameters"))
        assert row["method"] == kind or kind == "auto"
        assert all(rank % 2 == 0 for rank in row["ranks"])
        kept.append((row["energy"], row["macs"]["after"]))
    assert kept[0] < kept[1]
    assert kept[0][1] < kept[1][1]


@pytest.mark.parametrize("what", ["macs", "parameters"])
@pytest.mark.parametrize("network", ["plain", "encoder", "twice"])
def test_a_bound_for_the_model_is_kept_and_nearly_used(tmp_path: Path, network: str, what: str) -> None:
    folder = workshop(tmp_path, network).factorize(rank={what: 0.7})
    assert 0.64 < share(folder, what) <= 0.7


def test_a_bound_is_met_at_the_least_damage(shop: Workshop) -> None:
    """No single layer can be given a better rank within the bound."""
    from edgebuild.compress.factorize.candidates import options_of
    from edgebuild.compress.factorize.layers import find_layers
    from edgebuild.compress.factorize.parameters import Factorize

    folder = shop.factorize(rank={"macs": 0.6})
    spare = 0.6 * account(folder)["before"]["macs"] - account(folder)["after"]["macs"]
    layers, _ = find_layers(rebuild(shop.baseline, shop.root), image())
    parameters = Factorize.model_validate({"rank": {"macs": 0.6}, "round_to": 2})
    rows = {row["layer"]: row for row in account(folder)["layers"]}
    for layer in layers:
        row = rows.get(layer.name)
        for each in options_of(layer, parameters, 1).candidates if row else ():
            assert each.macs - row["macs"]["after"] > spare or 1 - each.lost <= row["energy"] + 1e-9


def test_a_ratio_and_vbmf_fix_the_rank_of_every_layer(shop: Workshop) -> None:
    rows = {row["layer"]: row for row in account(shop.factorize("ratio", rank={"ratio": 0.3}))["layers"]}
    assert rows["body.1.0"]["ranks"] == [6, 6]
    assert rows["body.3.0"]["ranks"] == [6]
    found = account(shop.factorize("vbmf", rank="vbmf", kind="svd", skip=["body.0"]))
    assert {tuple(row["ranks"]) for row in found["layers"]} <= {(2,), (4,), (6,), (8,)}
    assert found["rank"] == "vbmf"


def test_ranks_are_multiples_and_what_does_not_get_cheaper_is_told(shop: Workshop) -> None:
    folder = shop.factorize(kind="svd", rank=HALF, round_to=8)
    found = account(folder)
    assert {row["layer"]: row["ranks"] for row in found["layers"]} == {
        "body.1.0": [8],
        "body.2": [16],
        "body.3.0": [8],
    }
    assert found["left_alone"] == [
        {"layer": "body.0.0", "reason": "it would not get cheaper with any rank that is a multiple of 8"},
        {"layer": "head", "reason": "it would not get cheaper with any rank that is a multiple of 8"},
    ]
    assert "3 of 5 layers factorized (3 by svd)" in found["effect"]
    assert (
        "left alone: body.0.0 (it would not get cheaper with any rank that is a multiple of 8), head" in found["effect"]
    )
    holds(folder, shop.root)


def test_skipped_layers_stay_whole(shop: Workshop) -> None:
    folder = shop.factorize(rank=HALF, skip=["body.[01]", "head*"])
    assert [row["layer"] for row in account(folder)["layers"]] == ["body.2", "body.3.0"]
    assert account(folder)["left_alone"][0] == {"layer": "body.0.0", "reason": "named by skip"}
    assert isinstance(rebuild(folder, shop.root).get_submodule("head"), torch.nn.Linear)


def test_without_training_the_factors_are_those_of_the_weight(shop: Workshop) -> None:
    folder = shop.factorize(kind="svd", rank=HALF, skip=["body", "*.?", "*.?.?"])
    before, after = (read_weights(path / "weights.safetensors") for path in (shop.baseline, folder))
    left, singular, right = np.linalg.svd(before["head.weight"].double().numpy(), full_matrices=False)
    best = (left[:, :2] * singular[:2]) @ right[:2]
    assert np.allclose((after["head.1.weight"] @ after["head.0.weight"]).numpy(), best, atol=1e-6)
    assert torch.equal(after["head.1.bias"], before["head.bias"])


def test_two_runs_give_the_same_bytes(trained: Workshop) -> None:
    options = {"kind": "tucker2", "rank": {"energy": 0.4}, "finetune": {"epochs": 1}}
    first, second = trained.factorize("first", **options), trained.factorize("second", **options)
    names = sorted(path.name for path in first.iterdir())
    assert names == ["history.json", "model.json", "weights.safetensors"]
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in names)


def test_training_wins_back_what_was_lost(trained: Workshop) -> None:
    tuned = trained.factorize("tuned", rank={"ratio": 0.1}, finetune={"epochs": 4, "learning_rate": 0.02})
    found = account(tuned)
    assert found["untrained"]["quality"] < found["before"]["quality"] - 10
    assert found["lost"] < 5
    assert len(json.loads((tuned / "history.json").read_text())) == 4
    assert re.search(r"; \d\S* % without training, \S+ after it", found["effect"])


def test_a_pruned_model_is_factorized_and_a_factorized_one_pruned(trained: Workshop) -> None:
    options = {"importance": "l1", "round_to": 2}
    pruned = trained.prune("pruned", ratio=0.25, **options)
    both = trained.factorize("both", model=pruned, rank=HALF)
    again = trained.prune("again", model=both, ratio=0.3, **options)
    for folder in (both, again):
        holds(folder, trained.root)
    assert [edit["edit"] for edit in read_record(both).edits[-2:]] == ["factorize", "factorize"]
    cut = {edit["layer"] for edit in read_record(again).edits if edit["edit"] == "keep_channels"}
    assert {"body.1.0.0", "body.1.0.1"} <= cut
    before, after = ({claim["layer"]: claim for claim in claims(folder, "factors")} for folder in (both, again))
    assert before["body.1.0"]["factors"] != after["body.1.0"]["factors"]
    names = dict(rebuild(again, trained.root).named_modules())
    assert all(layer in names for claim in read_record(again).claims for layer in claim.get("layers", ()))
    assert outputs(again, trained.root).shape == (1, 3)


def test_factors_of_an_earlier_step_stay_as_they_are(trained: Workshop) -> None:
    first = trained.factorize("one", rank=HALF, skip=["body.[123]", "head"])
    second = trained.factorize("two", model=first, rank=HALF, skip=["body.3"])
    assert {"layer": "body.0.0.0", "reason": "a factor of an earlier step"} in account(second)["left_alone"]
    assert [claim["layer"] for claim in claims(second, "factors")] == ["body.0.0", "body.1.0", "body.2", "head"]
    holds(second, trained.root)


def message(shop: Workshop, **parameters: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        shop.factorize("wrong", **parameters)
    return str(caught.value)


def test_when_nothing_gets_cheaper_it_is_an_error_that_names_every_layer(shop: Workshop) -> None:
    told = message(shop, rank={"energy": 0.999}, round_to=8, skip=["body.0"])
    assert told.startswith(
        "factorize: no layer would get cheaper (kind auto, rank energy 0.999, round_to 8); left alone:"
    )
    assert "\n    body.0.0: named by skip\n" in told
    assert "\n    body.1.0: it would not get cheaper with 99.9% of its energy\n" in told


def test_a_fixed_rank_that_costs_more_says_how_much(shop: Workshop) -> None:
    told = message(shop, rank={"ratio": 0.9}, kind="svd", round_to=1)
    assert re.search(
        r"\n    body.3.0: it would not get cheaper: with rank 15 it takes 156% of its MACs and \d+% of", told
    )


def test_a_bound_out_of_reach_says_how_far_it_goes(shop: Workshop) -> None:
    told = message(shop, rank={"macs": 0.05})
    found = re.match(r"factorize.rank.macs: 0.05 asked, but (0.\d+) of the MACs is the least \(kind auto, round_", told)
    assert found is not None
    least = float(found.group(1))
    assert share(shop.factorize("least", rank={"macs": least + 0.001}), "macs") == pytest.approx(least, abs=1e-3)


def test_a_method_that_fits_no_layer_names_them(tmp_path: Path) -> None:
    told = message(workshop(tmp_path, "perceptron"), kind="cp", rank=HALF)
    assert "\n    1.0: cp is for convolutions with a kernel larger than 1 in every direction\n" in told


def test_a_pattern_that_matches_nothing_suggests_the_nearest_layer(shop: Workshop) -> None:
    told = message(shop, skip=["body.2x"])
    assert told.startswith("factorize.skip: 'body.2x' matches no layer of the model; did you mean 'body.2'?")


def test_an_exported_program_is_not_factorized(shop: Workshop) -> None:
    record = read_record(shop.baseline)
    ModelRecord({"kind": "program"}, record.input_names, record.output_names).write(shop.baseline)
    assert message(shop).startswith("factorize: a torch.export program has its layers fixed")
