"""Cross-layer equalization: the same function, evener channels, and a file that loses less with one scale a tensor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edgebuild.check.claims.weight_ranges import check
from edgebuild.check.parity import compare_outputs
from edgebuild.compress.quantize.equalize import equalize
from edgebuild.compress.quantize.post_training import Quantize, run
from edgebuild.config.registries import CENSUSES, FORMATS, RUNTIMES
from edgebuild.errors import ConfigError
from edgebuild.export.feed import from_raw, raw_outputs
from edgebuild.export.format import ExportRequest, read_export
from edgebuild.model.load import derive_model_folder, rebuild
from edgebuild.model.model_folder import read_record
from edgebuild.progress import Silent
from tests.compress.qat_workshop import SUFFIX, float_outputs, images, make
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


def test_the_file_loses_less_and_shows_it(shop: Workshop) -> None:
    exact = float_outputs(shop, shop.baseline)
    decibels, proofs = [], []
    folders = [quantized(shop, "plain"), quantized(shop, "equalized", equalize=True)]
    claim = next(dict(one) for one in read_record(folders[1]).claims if one["claim"] == "weight_ranges")
    for folder in folders:
        output = shop.root / f"{folder.name}-file"
        output.mkdir()
        own = ExportRequest(folder, shop.data, output, shop.root, "int8", "float32", "nchw", {}, 1, Silent())
        FORMATS.get("tflite").run(own)
        record = read_export(output)
        session = RUNTIMES.get("litert").open(output / record.file, 1)
        found = from_raw(record, raw_outputs(session, record, images(shop)))["output"]
        session.close()
        decibels.append(compare_outputs(exact, found, names=("float", "int8"), output="output").sqnr_db)
        proofs.append(check(CENSUSES.get(SUFFIX["tflite"]).read(output / record.file), claim))
    assert decibels[1] > decibels[0] + 6
    assert [finding.code for finding in proofs[0].findings] == ["weight-ranges"]
    assert proofs[1].findings == ()
    assert proofs[1].evidence == "4 of 4 weight tensors reach as far as quantize left them"


def test_a_model_without_pairs_is_refused() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Sigmoid(), nn.Linear(8, 3)).eval()
    with pytest.raises(ConfigError) as caught:
        equalize(model, {"input": np.zeros((2, 1, 8, 8), np.float32)}, Path())
    assert caught.value.message == (
        "quantize.equalize: the model has no two layers of which one alone reads the other, through ReLU or pooling"
    )
