"""The exported files hold exactly what was trained, and compute it; a file that does not is found out."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild.compress.quantize.post_training import Quantize
from edgebuild.compress.quantize.post_training import run as quantize
from edgebuild.model.fakequant.ranges import ActivationRanges
from tests.compress.qat_workshop import Exported, export, make, train
from tests.compress.workshop import Workshop

FORMATS = ("tflite", "executorch")
AT_LEAST_DB = 40.0


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Workshop, Path]]:
    """Trained networks by name."""
    made = {name: make(tmp_path_factory.mktemp(name), name) for name in ("mobile", "signal", "encoder")}
    return {name: (shop, train(shop)) for name, shop in made.items()}


def evidence(exported: Exported) -> dict[str, str]:
    return {str(proof.claim["claim"]): proof.evidence for proof in exported.proof.claims}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("network", ["mobile", "signal"])
def test_the_file_computes_what_was_trained(shops: dict[str, tuple[Workshop, Path]], network: str, form: str) -> None:
    found = export(*shops[network], form)
    assert found.parity.sqnr_db > AT_LEAST_DB
    assert found.parity.agreeing == found.parity.samples
    assert [proof.claim["claim"] for proof in found.proof.claims if not proof.holds] == []
    assert [finding.message for finding in found.proof.fatal] == []
    numbers = [text.split(" of ")[:2] for text in evidence(found).values()]
    assert all(there == total.split()[0] for there, total in numbers), evidence(found)


def test_layers_that_a_format_writes_otherwise_are_named(shops: dict[str, tuple[Workshop, Path]]) -> None:
    """TFLite has no layer norm: results inside of it are calibrated, and its scale goes into the next weight."""
    found = export(*shops["encoder"], "tflite")
    assert found.parity.sqnr_db > AT_LEAST_DB - 5
    assert [finding.message for finding in found.proof.fatal] == []
    assert "the others inside layer.self_attn/scaled_dot_product_attention, layer.norm1/layer_norm" in str(
        evidence(found)["activation_ranges"]
    )
    assert evidence(found)["trained_weights"].endswith("layer.linear1 merged with what comes before")


@pytest.mark.parametrize("form", FORMATS)
def test_one_scale_per_tensor(shops: dict[str, tuple[Workshop, Path]], form: str) -> None:
    shop, _ = shops["mobile"]
    folder = train(shop, f"per-tensor-{form}", granularity="per_tensor", observer={"kind": "min_max"})
    found = export(shop, folder, form, granularity="per_tensor")
    assert found.parity.sqnr_db > AT_LEAST_DB
    assert [finding.message for finding in found.proof.fatal] == []
    assert {len(tensor.scale) for tensor in found.census.weights} == {1}


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_that_was_calibrated_is_found_out(shops: dict[str, tuple[Workshop, Path]], form: str) -> None:
    """As if the step had trained and the exporter had not listened: int8 it is, but not the int8 that was trained."""
    shop, trained = shops["mobile"]
    context = shop.context(f"calibrated-{form}", None, 1)
    quantize(context, Quantize())
    found = export(shop, context.output, form, claims=trained)
    held = {str(proof.claim["claim"]): proof.holds for proof in found.proof.claims}
    assert held == {
        "weights_dtype": True,
        "activations_dtype": True,
        "trained_weights": False,
        "activation_ranges": False,
    }


@pytest.mark.parametrize("form", FORMATS)
def test_ranges_that_do_not_arrive_are_found_out(
    shops: dict[str, tuple[Workshop, Path]], form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights lie on their steps, but no tensor of the file is recognised."""
    shop, trained = shops["mobile"]
    monkeypatch.setattr(ActivationRanges, "of", lambda _ranges, _values: None)
    monkeypatch.setattr(shop, "root", shop.root / f"deaf-{form}")
    shop.root.mkdir()
    for file in ("model.py", "data.py"):
        (shop.root / file).write_bytes((shop.root.parent / file).read_bytes())
    found = export(shop, trained, form)
    assert [str(proof.claim["claim"]) for proof in found.proof.claims if not proof.holds] == ["activation_ranges"]
