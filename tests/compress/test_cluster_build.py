"""The example of shared weights, built for both runtimes: codebooks in the files, containers in the packages."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from edgebuild.compress.constraints.zeros import read_masks
from edgebuild.export.format import read_export
from edgebuild.graph.collect import _package_figures
from edgebuild.model.load import WEIGHTS
from edgebuild.model.weights import read_weights
from edgebuild.package.container.pack import unpack
from tests.compress.building import Building

TARGETS = {"raspberry-pi-4-clustered": 16, "android-arm64-clustered": 8}


@pytest.fixture(scope="module")
def built(digits: Callable[..., Building]) -> Building:
    return digits("clustered.yaml", wanted=("verify", "package"))


@pytest.mark.parametrize("target", TARGETS)
def test_every_claim_holds_in_the_file(built: Building, target: str) -> None:
    facts = json.loads((built.folder(built.stages[target].verify) / "verify.json").read_text())
    own = [proof for proof in facts["claims"] if proof["claim"]["claim"] == "distinct_values"]
    assert len(own) >= 3
    assert all(proof["holds"] for proof in facts["claims"])
    assert max(proof["claim"]["maximum"] for proof in own) == TARGETS[target]
    assert [finding for finding in facts["findings"] if finding["severity"] == "fatal"] == []
    drop = next(figure["value"] for figure in facts["figures"] if figure["name"] == "accuracy_drop")
    assert drop < 2.0


@pytest.mark.parametrize("target", TARGETS)
def test_the_package_has_a_container_that_restores_the_file(built: Building, target: str) -> None:
    package, export = built.folder(built.stages[target].package), built.folder(built.stages[target].export)
    file = export / read_export(export).file
    container = (package / "container" / "model.ebz").read_bytes()
    assert unpack(container) == file.read_bytes()
    assert {path.name for path in (package / "container").iterdir()} == {"model.ebz", "unpack.c", "unpack.h"}
    manifest = json.loads((package / "manifest.json").read_text())
    figures = {figure["name"]: figure["value"] for figure in manifest["figures"]}
    assert figures["ship_size"] == len(container) == manifest["files"]["container/model.ebz"]["bytes"]
    assert figures["file_size"] == file.stat().st_size > 1.5 * figures["ship_size"]


def test_the_report_has_both_sizes(built: Building) -> None:
    stage = built.stages["raspberry-pi-4-clustered"].package
    (ship,) = _package_figures(built.result, stage, {"file_size", "accuracy", "accuracy_drop", *_verified(built)})
    assert (ship.name, ship.unit, ship.kind) == ("ship_size", "B", "exact")


def test_zeros_of_pruning_are_zeros_after_clustering(built: Building) -> None:
    prune, cluster, _ = built.stages["raspberry-pi-4-clustered"].steps
    masks, weights = read_masks(built.folder(prune)), read_weights(built.folder(cluster) / WEIGHTS)
    assert sum(int((mask == 0).sum()) for mask in masks.values()) > 20_000
    assert all(bool((weights[name][mask == 0] == 0).all()) for name, mask in masks.items())


def _verified(built: Building) -> set[str]:
    facts = json.loads((built.folder(built.stages["raspberry-pi-4-clustered"].verify) / "verify.json").read_text())
    return {figure["name"] for figure in facts["figures"]}
