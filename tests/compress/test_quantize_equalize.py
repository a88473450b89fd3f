"""Cross-layer equalization and bias correction: what they do to the model, and that the file shows it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edgebuild.check.census.model import Census
from edgebuild.check.claims import biases, weight_ranges
from edgebuild.check.parity import compare_outputs
from edgebuild.compress.quantize.correct_bias import SAMPLES, correct_bias
from edgebuild.compress.quantize.equalize import equalize
from edgebuild.compress.quantize.post_training import Quantize, run
from edgebuild.config.registries import CENSUSES, FORMATS, RUNTIMES
from edgebuild.errors import ConfigError
from edgebuild.export.feed import from_raw, raw_outputs
from edgebuild.export.format import ExportRequest, read_export
from edgebuild.model.evaluate import predict
from edgebuild.model.fakequant.fold import fold_norms
from edgebuild.model.fakequant.rounding import round_weight
from edgebuild.model.fakequant.scheme import scheme_of
from edgebuild.model.fakequant.trace import trace_batches
from edgebuild.model.load import derive_model_folder, rebuild
from edgebuild.model.model_folder import read_record
from edgebuild.progress import Silent
from tests.compress.qat_workshop import float_outputs, images, make
from tests.compress.workshop import ZOO, Workshop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """A network whose channels were made uneven, without another change of what it computes."""
    made = make(tmp_path_factory.mktemp("uneven"), "depthwise", zoo=ZOO)
    model = rebuild(made.baseline, made.root)
    before = float_outputs(made, made.baseline)
    factors = 2.0 ** torch.linspace(-4, 4, 16)
    norm, reader = model.body[1][1], model.body[2][0]
    with torch.no_grad():
        norm.weight.mul_(factors)
        norm.bias.mul_(factors)
        reader.weight.div_(factors.reshape(1, -1, 1, 1))
    folder = made.root / "uneven"
    folder.mkdir()
    derive_model_folder(made.baseline, folder, model)
    made.baseline = folder
    assert np.abs(float_outputs(made, folder) - before).max() < 1e-4 * np.abs(before).max()
    return made


def quantized(shop: Workshop, name: str, **parameters: object) -> Path:
    context = shop.context(name, None, 1)
    run(context, Quantize.model_validate({"granularity": "per_tensor", **parameters}))
    return context.output


def test_the_function_stays_and_channels_become_even(shop: Workshop) -> None:
    folder = quantized(shop, "even", equalize=True)
    before, after = float_outputs(shop, shop.baseline), float_outputs(shop, folder)
    assert np.abs(after - before).max() < 1e-3 * np.abs(before).max()
    weight = rebuild(folder, shop.root).get_parameter("body.2.0.weight").detach()
    reach = weight.abs().amax((0, 2, 3))
    assert float(reach.max() / reach.min()) < 8
    assert read_record(folder).extra["quantize"]["effect"] == "3 pairs of layers equalized"
    assert [edit["edit"] for edit in read_record(folder).edits] == ["fold_batch_norm"] * 3


def exported(shop: Workshop, folder: Path) -> tuple[np.ndarray, Census]:
    """Outputs of the .tflite, and what is in it."""
    output = shop.root / f"{folder.name}-file"
    output.mkdir()
    own = ExportRequest(folder, shop.data, output, shop.root, "int8", "float32", "nchw", {}, 1, Silent())
    FORMATS.get("tflite").run(own)
    record = read_export(output)
    session = RUNTIMES.get("litert").open(output / record.file, 1)
    outputs = from_raw(record, raw_outputs(session, record, images(shop)))["output"]
    session.close()
    return outputs, CENSUSES.get("tflite").read(output / record.file)


def claim_of(folder: Path, name: str) -> dict[str, object]:
    return next(dict(one) for one in read_record(folder).claims if one["claim"] == name)


def test_the_file_loses_less_and_shows_it(shop: Workshop) -> None:
    exact = float_outputs(shop, shop.baseline)
    folders = {
        "plain": quantized(shop, "plain"),
        "equalized": quantized(shop, "equalized", equalize=True),
        "both": quantized(shop, "both", equalize=True, correct_bias=True),
    }
    files = {name: exported(shop, folder) for name, folder in folders.items()}
    decibels = {
        name: compare_outputs(exact, outputs, names=("float", "int8"), output="output").sqnr_db
        for name, (outputs, _) in files.items()
    }
    assert decibels["equalized"] > decibels["plain"] + 6, decibels
    for name, claim, check in (
        ("equalized", claim_of(folders["equalized"], "weight_ranges"), weight_ranges.check),
        ("both", claim_of(folders["both"], "biases"), biases.check),
    ):
        assert check(files[name][1], claim).findings == ()
        assert check(files[name][1], claim).evidence.startswith("4 of 4 ")
        assert [len(check(files["plain"][1], claim).findings)] == [1]
    assert len(biases.check(files["equalized"][1], claim_of(folders["both"], "biases")).findings) == 1


def test_biases_take_the_shift_back(shop: Workshop) -> None:
    """With rounded weights the mean of the outputs is again that of the float model."""
    exact = rebuild(shop.baseline, shop.root)
    model = rebuild(shop.baseline, shop.root)
    samples = {name: array[:SAMPLES] for name, array in images(shop).items()}
    correct_bias(model, samples, per_channel=False)
    shifts = []
    for candidate in (rebuild(shop.baseline, shop.root), model):
        folded = candidate if candidate is model else _folded(candidate, samples)
        for layer in folded.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                layer.weight.data = round_weight(layer.weight.data, None)
        shifts.append(
            np.abs(predict(folded, samples)["output"].mean(0) - predict(exact, samples)["output"].mean(0)).max()
        )
    assert shifts[1] < 0.01 * shifts[0]


def _folded(model: nn.Module, samples: dict[str, np.ndarray]) -> nn.Module:
    fold_norms(model, scheme_of(trace_batches(model, samples).graph))
    return model


def test_a_model_without_pairs_is_refused() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Sigmoid(), nn.Linear(8, 3)).eval()
    with pytest.raises(ConfigError) as caught:
        equalize(model, {"input": np.zeros((2, 1, 8, 8), np.float32)}, Path())
    assert caught.value.message == (
        "quantize.equalize: the model has no two layers of which one alone reads the other, through ReLU or pooling"
    )
