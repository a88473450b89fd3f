"""Mixed precision: each layer is measured alone, the worst get the finer type, and the file has what was chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.check.claims.weight_bytes import check as check_bytes
from edgebuild.compress.quantize.mixed.choose import choose
from edgebuild.compress.quantize.mixed.parameters import Mixed
from edgebuild.compress.quantize.mixed.sensitivity import Sensitivity
from edgebuild.compress.quantize.post_training import Quantize, leaves_float, run
from edgebuild.errors import ConfigError
from edgebuild.model.model_folder import read_record
from tests.compress.files import File
from tests.compress.qat_workshop import float_outputs, make
from tests.compress.workshop import Workshop

ROWS = [
    Sensitivity("a", 100, 0.001, 0.0),
    Sensitivity("b", 400, 0.040, 0.5),
    Sensitivity("c", 100, 0.020, 0.3),
    Sensitivity("d", 400, 0.002, 0.0),
]
"""By noise per weight: c, b, a, d."""
TYPES = ("int8", "float32")


def loss(coarse: Any) -> float:
    return sum(row.lost for row in ROWS if row.layer in coarse)


def test_the_fewest_layers_that_keep_the_accuracy() -> None:
    assert choose(ROWS, Mixed(accuracy_drop=0.8), TYPES, loss).fine == ()
    assert choose(ROWS, Mixed(accuracy_drop=0.6), TYPES, loss).fine == ("c",)
    assert choose(ROWS, Mixed(accuracy_drop=0.3), TYPES, loss).fine == ("b",), "c proves needless beside b"
    assert choose(ROWS, Mixed(accuracy_drop=0.1), TYPES, loss).fine == ("c", "b")
    assert choose(ROWS, Mixed(accuracy_drop=0.1), TYPES, loss).lost == 0


def test_as_many_as_there_is_room_for() -> None:
    assert choose(ROWS, Mixed(share=0.15), TYPES, loss).fine == ("c",)
    assert choose(ROWS, Mixed(share=0.25), TYPES, loss).fine == ("c", "a"), "b does not fit"
    assert choose(ROWS, Mixed(size="2500 B"), TYPES, loss).fine == ("c", "b"), "3 bytes more each"
    with pytest.raises(ConfigError, match=r"size: 900 B is out of reach; the weights take 1000 B"):
        choose(ROWS, Mixed(size="900 B"), TYPES, loss)


def test_an_accuracy_out_of_reach_is_told() -> None:
    with pytest.raises(ConfigError, match=r"with 3 of 4 layers in float32 the metric still loses 1"):
        choose(ROWS, Mixed(accuracy_drop=0.1), TYPES, lambda coarse: 1.0)


def test_one_bound_and_integers() -> None:
    with pytest.raises(ValueError, match="found accuracy_drop and share"):
        Mixed(accuracy_drop=1, share=0.5)
    with pytest.raises(ValueError, match="chooses between integers and a finer type, found kind: float16"):
        Quantize.model_validate({"kind": "float16", "mixed": {"share": 0.1}})
    assert leaves_float(Quantize.model_validate({"mixed": {"share": 0.1}}))
    assert not leaves_float(Quantize.model_validate({"kind": "dynamic", "weights": "int4", "mixed": {"share": 0.1}}))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """An untrained network, of which one layer has a weight that spoils its scale."""
    import torch
    from safetensors.torch import load_file, save_file

    made = make(tmp_path_factory.mktemp("mlp"), "mlp", epochs=0)
    path = made.baseline / "weights.safetensors"
    weights = load_file(path)
    weights["5.weight"].view(-1)[0] = 20 * float(torch.max(weights["5.weight"].abs()))
    save_file(weights, path)
    return made


def quantized(shop: Workshop, name: str, **parameters: Any) -> Path:
    context = shop.context(name, None, 1)
    run(context, Quantize.model_validate({"granularity": "per_tensor", **parameters}))
    return context.output


def rows_of(folder: Path) -> dict[str, dict[str, Any]]:
    return {row["layer"]: row for row in read_record(folder).extra["quantize"]["sensitivity"]}


def test_the_layer_that_rounding_spoils_stays_float_in_both_formats(shop: Workshop) -> None:
    folder = quantized(shop, "spoilt", mixed={"share": 0.25})
    rows = rows_of(folder)
    assert rows["5"]["noise"] > 3 * max(rows["1"]["noise"], rows["7"]["noise"])
    assert {layer: row["type"] for layer, row in rows.items()} == {"1": "int8", "5": "float32", "7": "float32"}
    for form in ("tflite", "executorch"):
        file = File(shop, folder, form, granularity="per_tensor")
        assert file.dtypes() == {layer: row["type"] for layer, row in rows.items()}
        assert file.proof().fatal == (), form
        (proof,) = [one for one in file.proof().claims if one.claim["claim"] == "layer_types"]
        assert proof.evidence == "3 of 3 layers named have their own type: 2 float32, 1 int8 (1, 5, 7)"


def test_what_is_simulated_is_what_a_file_does(shop: Workshop) -> None:
    """Of a file with one layer in int8, the error is that which the layer was measured to make."""
    simulated = rows_of(quantized(shop, "simulated", mixed={"share": 0.0}))["5"]["noise"]
    file = File(shop, quantized(shop, "alone", skip=["1", "7"]), "tflite", granularity="per_tensor")
    truth = float_outputs(shop, shop.baseline)
    real = float(np.sum((file.outputs - truth) ** 2) / np.sum(truth**2))
    assert abs(10 * np.log10(real / simulated)) < 2


def test_four_bits_and_eight(shop: Workshop) -> None:
    asked = {"kind": "weight_only", "weights": "int4", "granularity": "per_channel", "mixed": {"size": "1600 B"}}
    folder = quantized(shop, "four", **asked)
    chosen = {layer: row["type"] for layer, row in rows_of(folder).items()}
    assert chosen == {"1": "int4", "5": "int8", "7": "int8"}
    file = File(shop, folder, "tflite", "int4-weight-only")
    assert file.dtypes() == chosen
    proof = file.proof()
    assert proof.fatal == ()
    (size,) = [one for one in proof.claims if one.claim["claim"] == "weight_bytes"]
    assert check_bytes(file.census, {**size.claim, "maximum": 1000}).findings[0].code == "weight-bytes"
