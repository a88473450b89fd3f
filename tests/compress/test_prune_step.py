"""The step prunes as far as it is told, writes down what it did, and says what stands in the way."""

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
from edgebuild.model.data_folder import read_inputs
from edgebuild.model.edits import replay
from edgebuild.model.evaluate import predict
from edgebuild.model.load import build_factory, rebuild
from edgebuild.model.model_folder import ModelRecord, read_record
from edgebuild.model.weights import read_weights
from tests.compress.workshop import Workshop, image

LONG = {"epochs": 4, "learning_rate": 0.02}
TRAINED = {"finetune": {"epochs": 1, "between": 1}}
REPLAYED = [
    *("residual", "depthwise", "concat", "grouped", "flattened"),
    *("transposed", "scaled", "twice", "signal", "encoder"),
]


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("trained"), epochs=6)


def shares(folder: Path) -> tuple[float, float]:
    """MACs and parameters of the model in the folder, as shares of those before."""
    account = read_record(folder).extra["prune"]
    last, before = account["cuts"][-1], account["before"]
    return last["macs"] / before["macs"], last["parameters"] / before["parameters"]


def claims(record: ModelRecord, kind: str) -> list[dict[str, Any]]:
    return [claim for claim in record.claims if claim["claim"] == kind]


@pytest.mark.parametrize("network", REPLAYED)
def test_the_edits_make_the_same_model_out_of_a_fresh_one(tmp_path: Path, network: str) -> None:
    shop = Workshop(tmp_path, network)
    folder = shop.prune(ratio=0.4, round_to=2, schedule="iterative", steps=2, importance="l1")
    record = read_record(folder)
    fresh = build_factory(record.source, tmp_path, seed=99).eval()
    replay(fresh, record.edits)
    fresh.load_state_dict(read_weights(folder / "weights.safetensors"))
    rebuilt = rebuild(folder, tmp_path)
    assert torch.equal(fresh(*image()), rebuilt(*image()))
    cost = count_model(rebuilt, image())
    assert [cost.macs, cost.parameters] == [record.extra["prune"]["cuts"][-1][key] for key in ("macs", "parameters")]
    assert cost.macs < record.extra["prune"]["before"]["macs"]
    assert len(claims(record, "channels")) >= 2
    for claim in claims(record, "channels"):
        layer = rebuilt.get_submodule(claim["layer"])
        assert claim["kept"] == (layer.out_features if isinstance(layer, torch.nn.Linear) else layer.out_channels)


def test_without_training_the_kept_channels_have_the_weights_they_had(shop: Workshop) -> None:
    folder = shop.prune(ratio=0.5)
    before, after = (read_weights(path / "weights.safetensors") for path in (shop.baseline, folder))
    edit = next(edit for edit in read_record(folder).edits if edit["layer"] == "body.1.0")
    kept = {item["dim"]: item["keep"] for item in edit["tensors"]}
    assert torch.equal(after["body.1.0.weight"], before["body.1.0.weight"][kept[0]][:, kept[1]])


@pytest.mark.parametrize("scope", ["global", "local"])
@pytest.mark.parametrize("schedule", ["one_shot", "iterative", "cubic"])
def test_a_bound_is_kept_by_every_schedule(shop: Workshop, scope: str, schedule: str) -> None:
    macs = shop.prune("macs", keep={"macs": 0.5}, scope=scope, schedule=schedule)
    numbers = shop.prune("numbers", keep={"parameters": 0.5}, scope=scope, schedule=schedule)
    assert 0.3 < shares(macs)[0] <= 0.5
    assert 0.3 < shares(numbers)[1] <= 0.5


@pytest.mark.parametrize("scope", ["global", "local"])
def test_a_ratio_is_met_as_near_as_whole_blocks_allow(shop: Workshop, scope: str) -> None:
    account = read_record(shop.prune(ratio=0.3, scope=scope)).extra["prune"]
    assert account["channels"]["before"] == 56
    assert abs(account["channels"]["cut"] - 0.3 * 56) <= 4


def test_layers_keep_multiples_and_not_less_than_they_must(shop: Workshop) -> None:
    folder = shop.prune(keep={"macs": 0.26}, max_ratio=0.5, importance="random", schedule="iterative", steps=3)
    kept = {claim["layer"]: claim["kept"] for claim in claims(read_record(folder), "channels")}
    assert kept == {"body.0.0": 8, "body.1.0": 8, "body.2.0": 12}


def test_schedules_approach_the_whole_cut() -> None:
    from edgebuild.compress.prune.parameters import Prune

    iterative = Prune(ratio=0.5, schedule="iterative", steps=4).cuts()
    cubic = Prune(ratio=0.5, schedule="cubic", steps=4).cuts()
    assert iterative == [0.25, 0.5, 0.75, 1.0]
    assert np.allclose(cubic, [0.578125, 0.875, 0.984375, 1.0])
    assert Prune(ratio=0.5).cuts() == [1.0]


def test_skipped_layers_keep_their_channels(shop: Workshop) -> None:
    folder = shop.prune(ratio=0.5, skip=["body.0", "body.2.*"])
    layers = [claim["layer"] for claim in claims(read_record(folder), "channels")]
    assert layers == ["body.1.0"]
    assert rebuild(folder, shop.root).get_submodule("body.0.0").out_channels == 16


def test_two_runs_give_the_same_bytes(trained: Workshop) -> None:
    options = {"keep": {"macs": 0.5}, "importance": "taylor", "schedule": "iterative", "steps": 2, **TRAINED}
    first, second = trained.prune("first", **options), trained.prune("second", **options)
    names = sorted(path.name for path in first.iterdir())
    assert names == ["history.json", "model.json", "weights.safetensors"]
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in names)


def test_training_after_the_cut_wins_back_what_was_lost(trained: Workshop) -> None:
    bare = trained.prune("bare", keep={"macs": 0.3}, importance="random")
    tuned = trained.prune(
        "tuned", keep={"macs": 0.3}, importance="random", finetune={"epochs": 4, "learning_rate": 0.02}
    )
    lost = [read_record(folder).extra["prune"]["cuts"][-1]["lost"] for folder in (bare, tuned)]
    assert lost[0] > 20
    assert lost[1] < 5
    (history,) = json.loads((tuned / "history.json").read_text())
    assert len(history) == 4
    assert max(row["learning_rate"] for row in history) <= 0.02


def test_the_model_written_is_the_one_that_was_measured(trained: Workshop) -> None:
    folder = trained.prune("measured", ratio=0.4, **TRAINED)
    inputs = read_inputs(trained.data, "validation")
    labels = np.load(trained.data / "validation.target.npy")
    (scores,) = predict(rebuild(folder, trained.root), inputs).values()
    account = read_record(folder).extra["prune"]["cuts"][-1]
    assert 100 * float((scores.argmax(1) == labels).mean()) == pytest.approx(account["quality"])


def test_cutting_stops_where_too_much_is_lost_and_keeps_what_was_good(trained: Workshop) -> None:
    options = {"keep": {"macs": 0.1}, "round_to": 1, "schedule": "iterative", "steps": 6, "importance": "random"}
    folder = trained.prune("stopped", **options, max_accuracy_drop=8, **TRAINED)
    account = read_record(folder).extra["prune"]
    assert 0 < len(account["cuts"]) < 6
    assert all(cut["lost"] <= 8 for cut in account["cuts"])
    assert account["refused"]["lost"] > 8
    assert "stopped short of keep.macs 0.1: the next cut, to " in account["effect"]
    assert "more than max_accuracy_drop 8" in account["effect"]
    assert shares(folder)[0] == account["cuts"][-1]["macs"] / account["before"]["macs"] > 0.1
    rebuild(folder, trained.root)


def test_a_first_cut_that_loses_too_much_is_an_error(trained: Workshop) -> None:
    with pytest.raises(ConfigError) as caught:
        trained.prune("refused", keep={"macs": 0.1}, round_to=1, importance="random", max_accuracy_drop=0.5)
    assert caught.value.message.startswith("prune: the first cut, to 9.")
    assert "at most 0.5 allowed (max_accuracy_drop), so nothing was cut" in caught.value.message


def test_pruning_twice_claims_what_is_left(shop: Workshop) -> None:
    first = shop.prune("first", ratio=0.25)
    second = shop.prune("second", model=first, ratio=0.4, round_to=2)
    record, model = read_record(second), rebuild(second, shop.root)
    channels = claims(record, "channels")
    assert len({claim["layer"] for claim in channels}) == len(channels)
    assert all(model.get_submodule(claim["layer"]).out_channels == claim["kept"] for claim in channels)
    assert len(claims(record, "macs")) == 1
    assert record.edits[: len(read_record(first).edits)] == read_record(first).edits


def message(shop: Workshop, **parameters: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        shop.prune("wrong", **parameters)
    return str(caught.value)


def test_when_everything_is_skipped_nothing_is_silent(shop: Workshop) -> None:
    told = message(shop, ratio=0.5, skip=["*"])
    assert told.startswith("prune: nothing would be cut (ratio 0.5, round_to 4, max_ratio 0.9); left alone:\n")
    assert "\n    body.0.0: named by skip\n" in told


def test_a_ratio_too_small_for_one_block_is_an_error(shop: Workshop) -> None:
    assert message(shop, ratio=0.01, round_to=8).startswith("prune: nothing would be cut (ratio 0.01, round_to 8")


def test_a_bound_out_of_reach_says_how_far_it_goes(shop: Workshop) -> None:
    told = message(shop, keep={"macs": 0.05}, round_to=8)
    found = re.match(r"prune.keep.macs: 0.05 asked, but (0.\d+) of the MACs is the least \(round_to 8, max_rat", told)
    assert found is not None
    least = float(found.group(1))
    assert shares(shop.prune("least", keep={"macs": least + 0.001}, round_to=8))[0] == pytest.approx(least, abs=5e-4)


def test_a_pattern_that_matches_nothing_suggests_the_nearest_layer(shop: Workshop) -> None:
    told = message(shop, ratio=0.5, skip=["body.2x"])
    assert told.startswith("prune.skip: 'body.2x' matches no layer of the model; did you mean 'body.2'?")


def test_scale_of_batch_norm_needs_batch_norm(tmp_path: Path) -> None:
    told = message(Workshop(tmp_path, "signal"), ratio=0.5, importance="batch_norm")
    assert "\n    first: batch_norm says nothing of it\n" in told


def test_an_exported_program_is_not_cut(shop: Workshop) -> None:
    record = read_record(shop.baseline)
    ModelRecord({"kind": "program"}, record.input_names, record.output_names).write(shop.baseline)
    assert message(shop, ratio=0.5).startswith("prune: a torch.export program has its sizes fixed")
