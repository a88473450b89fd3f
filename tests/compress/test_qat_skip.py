"""Layers that `qat` skips: float in training and in both files, all others trained integers, from one training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgebuild.check.parity import compare_outputs
from edgebuild.compress.constraints.zeros import ZEROS, write_masks
from edgebuild.errors import ConfigError
from edgebuild.model.evaluate import predict
from edgebuild.model.fakequant.instrument import Rounding, instrument_fixed, instrument_training
from edgebuild.model.fakequant.scheme import scheme_of
from edgebuild.model.fakequant.settle import settle
from edgebuild.model.fakequant.trace import trace_batches
from edgebuild.model.load import derive_model_folder, rebuild
from edgebuild.model.model_folder import read_record
from tests.compress.files import File
from tests.compress.qat_workshop import images, make, on_steps, rounded_outputs, train
from tests.compress.workshop import Workshop

AT_LEAST_DB = 40.0
SKIPPED: dict[str, dict[str, Any]] = {
    "mobile": {"skip": ["1.pointwise"], "skip_first": True},
    "ways": {"skip": ["left", "deep"]},
    "signal": {"skip_first": True, "skip_last": True},
}
FLOATS = {"mobile": {"0.0", "1.pointwise.0"}, "ways": {"left.0", "deep.0"}, "signal": {"1", "9"}}
WEIGHTS = {"mobile": 5, "ways": 6, "signal": 3}


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Workshop, Path]]:
    """Trained networks by name."""
    made = {name: make(tmp_path_factory.mktemp(name), name) for name in SKIPPED}
    return {name: (shop, train(shop, **SKIPPED[name])) for name, shop in made.items()}


@pytest.mark.parametrize("form", ["tflite", "executorch"])
@pytest.mark.parametrize("network", SKIPPED)
def test_the_file_computes_what_was_trained(shops: dict[str, tuple[Workshop, Path]], network: str, form: str) -> None:
    shop, folder = shops[network]
    file = File(shop, folder, form)
    dtypes = file.dtypes()
    assert {layer for layer, found in dtypes.items() if found == "float32"} == FLOATS[network]
    assert len(dtypes) == WEIGHTS[network]
    trained = rounded_outputs(shop, folder)
    parity = compare_outputs(trained, file.outputs, names=("pytorch", form), output="output")
    assert parity.sqnr_db > AT_LEAST_DB
    proof = file.proof()
    assert [finding.message for finding in proof.fatal] == []
    numbers = {str(one.claim["claim"]): one.evidence.split(" of ")[:2] for one in proof.claims}
    assert all(there == total.split()[0] for there, total in numbers.values()), numbers
    assert numbers["layer_types"][0] == str(len(FLOATS[network]))


def test_only_what_is_not_skipped_lies_on_steps(shops: dict[str, tuple[Workshop, Path]]) -> None:
    shop, folder = shops["mobile"]
    before = dict(rebuild(shop.baseline, shop.root).named_parameters())
    trained = dict(rebuild(folder, shop.root).named_parameters())
    weights = {name.removesuffix(".weight"): trained[name].detach() for name in trained if name.endswith(".weight")}
    exact = {name for name, weight in weights.items() if not on_steps(weight, 0 if weight.dim() > 2 else None)}
    assert exact == FLOATS["mobile"]
    assert all(not torch.equal(weight, before[f"{name}.weight"]) for name, weight in weights.items())
    effect = read_record(folder).extra["qat"]["effect"]
    assert effect.startswith("float32: 0.0, 1.pointwise.0; trained 2 epochs in int8 steps: 3 weight tensors, ranges of")
    assert effect.endswith(", 4 batch norms folded")


def test_results_are_rounded_where_an_integer_layer_reads_them(shops: dict[str, tuple[Workshop, Path]]) -> None:
    shop, _ = shops["ways"]
    model = rebuild(shop.baseline, shop.root)
    graph = trace_batches(model, images(shop)).graph
    scheme = scheme_of(graph, FLOATS["ways"])
    assert scheme.handed == {"x": ("conv2d_2",), "relu": ("cat_1",), "avg_pool2d": ("conv2d_4",)}
    exact = {"conv2d", "batch_norm", "conv2d_1", "batch_norm_1", "relu_1", "add", "cat"}
    assert exact.isdisjoint(scheme.places())
    assert len(scheme.groups) == len(set(scheme.labels())) == 5
    assert scheme_of(graph).handed == {}


@pytest.mark.parametrize("network", SKIPPED)
def test_the_rebuilt_model_computes_what_the_trained_one_did(
    shops: dict[str, tuple[Workshop, Path]], network: str
) -> None:
    """Statistics of the batch norms have moved by then, so that folding them shows."""
    shop, _ = shops[network]
    model = rebuild(shop.baseline, shop.root)
    rounding = Rounding({"convolution": True, "linear": False}, 0.01, FLOATS[network])
    instrumented = instrument_training(model, images(shop), rounding)
    instrumented.start_ranges(images(shop))
    model.train()
    model(torch.from_numpy(images(shop)["input"][:16]))
    model.eval()
    before = predict(model, images(shop))["output"]
    settled = settle(instrumented, rounding)
    assert FLOATS[network].isdisjoint(settled.weights)
    instrument_fixed(model, images(shop), settled.steps, FLOATS[network])
    after = predict(model, images(shop))["output"]
    assert np.abs(after - before).max() <= 1e-5 * np.abs(before).max()


def test_a_hook_on_a_float_layer_sees_exact_numbers(shops: dict[str, tuple[Workshop, Path]]) -> None:
    shop, _ = shops["ways"]
    model = rebuild(shop.baseline, shop.root)
    rounding = Rounding({"convolution": True, "linear": False}, 0.01, FLOATS["ways"])
    instrument_training(model, images(shop), rounding).start_ranges(images(shop))
    seen: dict[str, int] = {}
    for name in ("left", "right"):
        module = model.get_submodule(name)
        module.register_forward_hook(lambda _m, _i, out, name=name: seen.update({name: len(out.unique())}))
    model(torch.from_numpy(images(shop)["input"]))
    assert seen["right"] <= 256 < seen["left"]


def test_zeros_of_a_skipped_layer_stay(shops: dict[str, tuple[Workshop, Path]]) -> None:
    shop, _ = shops["mobile"]
    mask = torch.ones(24, 16, 1, 1)
    mask.view(-1)[::2] = 0
    folder = shop.root / "masked"
    folder.mkdir()
    derive_model_folder(shop.baseline, folder, rebuild(shop.baseline, shop.root), constraints=(ZEROS,))
    write_masks(folder, {"3.0.weight": mask})
    weight = rebuild(train(shop, "masked-qat", model=folder, epochs=1, skip=["3"]), shop.root).get_parameter(
        "3.0.weight"
    )
    assert bool((weight[mask == 0] == 0).all())
    assert not on_steps(weight.detach(), 0)


def test_what_cannot_be_skipped_is_told(shops: dict[str, tuple[Workshop, Path]]) -> None:
    shop, _ = shops["mobile"]
    with pytest.raises(ConfigError, match=r"qat.skip: '1.pointwize' matches no layer of the model; did you mean"):
        train(shop, "misspelled", skip=["1.pointwize"])
    with pytest.raises(ConfigError, match=r"qat.skip: all 5 layers with weights are skipped"):
        train(shop, "all", skip=["*"])
