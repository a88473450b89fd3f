"""What each layer alone loses is measured by really cutting it, and layers are cut as far as their curves allow."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.compress.prune.cut import apply, edits_of
from edgebuild.compress.prune.importance.magnitude import l1
from edgebuild.compress.prune.sensitivity.choose import Tolerance
from edgebuild.compress.prune.sensitivity.curves import Curve, Point
from edgebuild.compress.prune.trace import trace
from edgebuild.errors import ConfigError
from edgebuild.model.data_folder import read_inputs
from edgebuild.model.evaluate import predict
from edgebuild.model.load import rebuild
from edgebuild.model.model_folder import read_record
from tests.compress.workshop import Workshop, image


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("trained"), epochs=4)


def analysis(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "sensitivity.json").read_text())
    return found


def kept(folder: Path) -> dict[str, int]:
    return {one["layer"]: one["kept"] for one in read_record(folder).claims if one["claim"] == "channels"}


def test_a_point_is_the_metric_of_the_model_with_that_layer_cut(shop: Workshop) -> None:
    folder = shop.prune("measured", ratio=0.3, importance="l1", sensitivity={"ratios": [0.5, 0.9], "samples": 1000})
    found = analysis(folder)
    assert [curve["layers"] for curve in found["curves"]] == [["body.0.0"], ["body.1.0"], ["body.2.0"]]
    assert (found["samples"], found["metric"], found["importance"]) == (60, "accuracy", "l1")
    assert found["whole"]["quality"] == read_record(folder).extra["prune"]["before"]["quality"]
    model = rebuild(shop.baseline, shop.root)
    traced = trace(model, image(), 4)
    group = traced.groups[1]
    scores = l1(type("Scoring", (), {"trace": traced})())[1]
    gone = sorted(np.argsort(scores, kind="stable")[:14].tolist())
    cut = copy.deepcopy(model)
    apply(cut, edits_of(model, [group], {group.name: gone}))
    labels = np.load(shop.data / "validation.target.npy")
    (outputs,) = predict(cut, read_inputs(shop.data, "validation")).values()
    point = found["curves"][1]["points"][1]
    assert point["ratio"] == 14 / 16
    assert point["quality"] == pytest.approx(100 * float((outputs.argmax(1) == labels).mean()))


def test_samples_are_bounded_and_drawn_by_the_seed(shop: Workshop) -> None:
    options: dict[str, Any] = {"ratio": 0.3, "sensitivity": {"ratios": [0.8], "samples": 15}}
    first, second = shop.prune("first", **options), shop.prune("second", **options)
    assert analysis(first)["samples"] == 15
    assert (first / "sensitivity.json").read_bytes() == (second / "sensitivity.json").read_bytes()
    assert not (shop.prune("none", ratio=0.3) / "sensitivity.json").exists()


def test_measuring_changes_nothing_of_the_cut(shop: Workshop) -> None:
    plain = shop.prune("plain", ratio=0.3, importance="l1")
    told = shop.prune("told", ratio=0.3, importance="l1", sensitivity={})
    assert (plain / "weights.safetensors").read_bytes() == (told / "weights.safetensors").read_bytes()


def test_every_layer_is_cut_to_one_rise_of_the_loss(shop: Workshop) -> None:
    folder = shop.prune("sensitive", keep={"macs": 0.4}, scope="sensitivity", round_to=1, importance="l1")
    account, found = read_record(folder).extra["prune"], analysis(folder)
    assert 0.36 < account["cuts"][-1]["macs"] / account["before"]["macs"] <= 0.4
    rises = []
    for curve in found["curves"]:
        tolerance = _tolerance(curve, found["whole"]["loss"])
        share = 1 - kept(folder)[curve["layers"][0]] / curve["channels"]
        step = 0.5 / curve["channels"]  # rounded to whole channels
        rises.append((_rise(tolerance, share - step), _rise(tolerance, share + step)))
    assert max(low for low, _ in rises) <= min(high for _, high in rises)


def _tolerance(curve: dict[str, Any], loss: float) -> Tolerance:
    points = tuple(Point(**point) for point in curve["points"])
    return Tolerance(Curve(curve["group"], tuple(curve["layers"]), curve["channels"], points), loss)


def _rise(tolerance: Tolerance, share: float) -> float:
    """The least rise of the loss at which this share is allowed."""
    low, high = 0.0, tolerance.highest
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if tolerance.share(middle) >= share else (middle, high)
    return high


@pytest.mark.parametrize("schedule", ["one_shot", "iterative"])
def test_goals_are_met_as_with_other_scopes(shop: Workshop, schedule: str) -> None:
    options: dict[str, Any] = {"scope": "sensitivity", "schedule": schedule, "importance": "l1", "round_to": 1}
    share = read_record(shop.prune(f"{schedule}-channels", ratio=0.4, **options)).extra["prune"]["channels"]
    assert abs(share["cut"] - 0.4 * share["before"]) <= 1
    small = read_record(shop.prune(f"{schedule}-numbers", keep={"parameters": 0.3}, **options)).extra["prune"]
    assert 0.25 < small["cuts"][-1]["parameters"] / small["before"]["parameters"] <= 0.3


def test_where_nothing_is_lost_all_layers_are_cut_alike() -> None:
    flat = Curve("a", ("a",), 10, (Point(0.3, 90.0, 0.5), Point(0.6, 90.0, 0.4)))
    steep = Curve("b", ("b",), 10, (Point(0.3, 90.0, 0.5), Point(0.6, 50.0, 2.0)))
    one, other = Tolerance(flat, 0.5), Tolerance(steep, 0.5)
    assert one.share(2e-7) == pytest.approx(other.share(2e-7)) == pytest.approx(0.2)
    assert other.share(0.75) == pytest.approx(0.45, abs=1e-3)
    assert one.share(0.75) == other.share(100.0) == 1.0


def test_every_layer_has_the_ratio_that_is_given(shop: Workshop) -> None:
    ratios = {"body.*": 0.5, "body.0.0": 0.25}
    folder = shop.prune("given", ratios=ratios, schedule="iterative", steps=2)
    assert kept(folder) == {"body.0.0": 12, "body.1.0": 8, "body.2.0": 12}
    part = shop.prune("part", ratios={"body.1": 0.5})
    assert kept(part) == {"body.1.0": 8}


@pytest.mark.parametrize(
    ("network", "ratios", "message"),
    [
        (
            "plain",
            {"head": 0.5},
            "prune.ratios: 'head' names no layer that can be cut; left alone:\n    head",
        ),
        ("plain", {"body.9": 0.5}, "prune.ratios: 'body.9' matches no layer of the model; did you mean 'body.2'?"),
        ("plain", {"body.0.0": 0.05}, "prune.ratios: 0.05 of the 16 channels of body.0.0 rounds to none of them"),
        (
            "plain",
            {"body.?.0": 0.5, "body.0.?": 0.2},
            "prune.ratios: body.0.0 is named by 'body.0.?' (0.2) and 'body.?",
        ),
        (
            "residual",
            {"body.stem": 0.5, "body.inner.1": 0.2},
            "prune.ratios: body.stem.0 0.5, body.inner.1 0.2: these layers share their channels",
        ),
    ],
)
def test_ratios_that_cannot_be_are_errors(tmp_path: Path, network: str, ratios: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Workshop(tmp_path, network).prune(ratios=ratios)
    assert caught.value.message.startswith(message)
