"""Training in rounded numbers: what is written down is exactly what was trained, for every kind of network."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from edgebuild.compress.constraints.zeros import ZEROS, write_masks
from edgebuild.compress.qat.freeze import Freeze
from edgebuild.errors import ConfigError
from edgebuild.model.fakequant.instrument import Rounding, instrument_training
from edgebuild.model.fakequant.ranges import read_steps
from edgebuild.model.fakequant.steps import Steps, steps_of
from edgebuild.model.load import derive_model_folder, rebuild
from edgebuild.model.model_folder import read_record
from tests.compress.qat_workshop import QAT_ZOO, float_outputs, images, make, on_steps, rounded_outputs, train
from tests.compress.workshop import ZOO, Workshop

CHANNELS = Rounding({"convolution": True, "linear": False}, 0.01)


@pytest.fixture(scope="module")
def mobile(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return make(tmp_path_factory.mktemp("mobile"), "mobile")


@pytest.fixture(scope="module")
def trained(mobile: Workshop) -> Path:
    return train(mobile)


def weights(model: nn.Module) -> dict[str, tuple[torch.Tensor, int | None]]:
    """Weight of every layer with the axis of its scales."""
    axes = {nn.Conv1d: 0, nn.Conv2d: 0, nn.ConvTranspose2d: 1, nn.Linear: None}
    return {
        name: (module.weight.detach(), axis)
        for name, module in model.named_modules()
        for kind, axis in axes.items()
        if isinstance(module, kind)
    }


@pytest.mark.parametrize(
    ("network", "zoo"),
    [(name, QAT_ZOO) for name in ("branches", "mlp", "signal", "encoder")]
    + [(name, ZOO) for name in ("transposed", "scaled", "twice", "tied", "shuffled", "encoder")],
)
def test_weights_are_left_on_their_steps_and_folded_norms_are_gone(network: str, zoo: Path, tmp_path: Path) -> None:
    shop = make(tmp_path, network, epochs=0, zoo=zoo)
    folder = train(shop, epochs=1)
    model = rebuild(folder, shop.root)
    wrong = [name for name, (weight, axis) in weights(model).items() if not on_steps(weight, axis)]
    assert wrong == []
    assert [name for name, module in model.named_modules() if "BatchNorm" in type(module).__name__] == []
    assert np.isfinite(rounded_outputs(shop, folder)).all()


def test_the_rebuilt_model_computes_what_the_trained_one_did(mobile: Workshop) -> None:
    """Bit by bit in evaluation mode, where ranges, statistics and weights stand still."""
    from edgebuild.model.evaluate import predict
    from edgebuild.model.fakequant.instrument import instrument_fixed
    from edgebuild.model.fakequant.settle import settle

    model = rebuild(mobile.baseline, mobile.root)
    instrumented = instrument_training(model, images(mobile), CHANNELS)
    instrumented.start_ranges(images(mobile))
    before = predict(model, images(mobile))["output"]
    settled = settle(instrumented, CHANNELS)
    plain = predict(model, images(mobile))["output"]
    instrument_fixed(model, images(mobile), settled.steps)
    after = predict(model, images(mobile))["output"]
    assert np.abs(after - before).max() <= 1e-5 * np.abs(before).max()
    assert np.abs(plain - before).max() > 1e-4 * np.abs(before).max()


def test_rounding_starts_close_to_the_float_model(mobile: Workshop) -> None:
    from edgebuild.check.parity import compare_outputs
    from edgebuild.model.evaluate import predict

    model = rebuild(mobile.baseline, mobile.root)
    exact = predict(model, images(mobile))["output"]
    instrument_training(model, images(mobile), CHANNELS).start_ranges(images(mobile))
    rounded = predict(model, images(mobile))["output"]
    assert compare_outputs(exact, rounded, names=("float", "rounded"), output="output").sqnr_db > 15


def test_what_a_runtime_shares_is_shared(trained: Path) -> None:
    """Pooling has its input's range, and an activation function is rounded behind its bound, not before."""
    labels = [item["at"] for item in read_record(trained).quantization["ranges"]]  # type: ignore[index]
    assert labels == [
        *("input_1", "0.0/conv2d", "1.depthwise.0/conv2d", "1.pointwise.0/conv2d", "1/add", "3.0/conv2d", "7/linear"),
    ]
    steps = read_steps(read_record(trained))
    low, high = steps["0.0/conv2d"].range
    assert low == 0
    assert high <= 6.001


def test_two_trainings_are_equal_bit_by_bit(mobile: Workshop, trained: Path) -> None:
    again = train(mobile, "again")
    for name in ("model.json", "weights.safetensors", "history.json"):
        assert (again / name).read_bytes() == (trained / name).read_bytes(), name


def test_training_in_rounded_numbers_learns(mobile: Workshop) -> None:
    history = json.loads((train(mobile, "longer", epochs=5) / "history.json").read_text())
    assert history[-1]["train_loss"] < history[0]["train_loss"]


def test_dropout_works_in_training_only(mobile: Workshop) -> None:
    model = rebuild(mobile.baseline, mobile.root)
    instrument_training(model, images(mobile), CHANNELS).start_ranges(images(mobile))
    batch = torch.from_numpy(images(mobile)["input"][:8])
    model.eval()
    assert torch.equal(model(batch), model(batch))
    model.train()
    assert not torch.equal(model(batch), model(batch))


def test_frozen_ranges_and_statistics_stay(mobile: Workshop) -> None:
    model = rebuild(mobile.baseline, mobile.root)
    instrumented = instrument_training(model, images(mobile), CHANNELS)
    instrumented.start_ranges(images(mobile))
    batch = torch.from_numpy(3 * images(mobile)["input"][:8])
    model.train()
    freeze = Freeze(instrumented, after=0.5)
    with freeze.attached(model, (batch,)):
        first = instrumented.steps()
        model(batch)
        second = instrumented.steps()
        freeze.after_step(model, 0.5)
        mean = model[0][1].running_mean.clone()
        model(batch)
    assert first != second
    assert instrumented.steps() == second
    assert torch.equal(model[0][1].running_mean, mean)


def test_pruned_weights_stay_zero(mobile: Workshop) -> None:
    masks = {"3.0.weight": torch.ones(24, 16, 1, 1), "7.weight": torch.ones(3, 24)}
    for mask in masks.values():
        mask.view(-1)[::2] = 0
    folder = mobile.root / "masked"
    folder.mkdir()
    derive_model_folder(mobile.baseline, folder, rebuild(mobile.baseline, mobile.root), constraints=(ZEROS,))
    write_masks(folder, masks)
    model = rebuild(train(mobile, "masked-qat", model=folder), mobile.root)
    for name, mask in masks.items():
        weight = model.get_parameter(name)
        assert bool((weight[mask == 0] == 0).all()), name
        assert bool((weight[mask == 1] != 0).any()), name


def test_a_teacher_is_heard_layer_by_layer(mobile: Workshop, trained: Path) -> None:
    features = {"kind": "features", "layers": {"1": "1"}}
    distil = {"teacher": "before", "weight": 0.5, "also": [features]}
    taught = train(mobile, "taught", distil=distil)
    assert (taught / "weights.safetensors").read_bytes() != (trained / "weights.safetensors").read_bytes()


def test_it_follows_structured_pruning(tmp_path: Path) -> None:
    shop = make(tmp_path, "plain", zoo=ZOO)
    folder = train(shop, model=shop.prune(ratio=0.4), epochs=1)
    record = read_record(folder)
    assert [edit["edit"] for edit in record.edits].count("fold_batch_norm") == 3
    assert {claim["step"] for claim in record.claims} == {"prune", "qat"}
    assert float_outputs(shop, folder).shape == (60, 3)


def refusal(root: Path, network: str, **changes: Any) -> str:
    shop = make(root, network, epochs=0)
    if changes:
        record = dataclasses.replace(read_record(shop.baseline), **changes)
        record.write(shop.baseline)
    with pytest.raises(ConfigError) as caught:
        train(shop)
    return caught.value.message


def test_what_cannot_be_trained_is_named(tmp_path_factory: pytest.TempPathFactory) -> None:
    def said(network: str, **changes: Any) -> str:
        return refusal(tmp_path_factory.mktemp(network), network, **changes)

    assert said("bare") == (
        "qat: the model has no convolution and no linear layer with a stored weight, so nothing would be trained"
    )
    assert said("normed") == ("layer '1' computes its weight, so there is no stored weight to round to integer steps")
    assert said("one_sample").startswith("the model cannot be traced for batches of any size: ")
    assert said("shared_norm") == (
        "the batch norm behind layer 'conv' cannot be folded into its weight, as the runtimes do"
    )
    assert said("mlp", source={"kind": "program"}) == "qat: a torch.export program cannot be trained"


@pytest.mark.parametrize(("low", "high"), [(-1.0, 2.0), (0.0, 6.0), (0.5, 3.0), (-3.0, -1.0), (0.0, 0.0)])
def test_steps_hold_zero_exactly_and_reach_both_ends(low: float, high: float) -> None:
    steps = steps_of(low, high)
    assert -128 <= steps.zero_point <= 127
    reach = steps.range
    assert reach[0] <= min(low, 0) + steps.scale
    assert reach[1] >= max(high, 0) - steps.scale
    assert steps_of(*reach) == Steps(pytest.approx(steps.scale, rel=1e-6), steps.zero_point)
