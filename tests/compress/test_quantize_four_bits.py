"""4-bit weights: packed in the file, where the runtime has a kernel for them, and computed right by it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.compress.quantize.post_training import Quantize, delivers, run
from tests.compress.files import File
from tests.compress.qat_workshop import float_outputs, make
from tests.compress.workshop import Workshop


@pytest.fixture(scope="module")
def mobile(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return make(tmp_path_factory.mktemp("mobile"), "mobile")


@pytest.fixture(scope="module")
def mlp(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Linear layers of 64, 32 and 16 inputs."""
    return make(tmp_path_factory.mktemp("mlp"), "mlp")


def quantized(shop: Workshop, kind: str, **parameters: Any) -> Path:
    context = shop.context(f"{kind}-{len(list(shop.root.iterdir()))}", None, 1)
    run(context, Quantize.model_validate({"kind": kind, "weights": "int4", **parameters}))
    return context.output


def decibels(shop: Workshop, file: File) -> float:
    truth = float_outputs(shop, shop.baseline)
    return float(10 * np.log10(np.mean(truth**2) / np.mean((file.outputs - truth) ** 2)))


@pytest.mark.parametrize("kind", ["weight_only", "dynamic"])
def test_a_tflite_has_them_but_in_depthwise_layers(mobile: Workshop, kind: str) -> None:
    """The first layer, of a single channel, is one."""
    skip = {"skip": ["7"]} if kind == "weight_only" else {}
    dtype = f"int4-{kind.replace('_', '-')}"
    file = File(mobile, quantized(mobile, kind, **skip), "tflite", dtype)
    last = "float32" if skip else "int4"
    expected = {"0.0": "int8", "1.depthwise.0": "int8", "1.pointwise.0": "int4", "3.0": "int4", "7": last}
    assert file.dtypes() == expected
    proof = file.proof()
    assert proof.fatal == ()
    (note,) = [finding for finding in proof.findings if finding.code == "wide-weights"]
    assert "(1.depthwise.0: DEPTHWISE_CONV_2D has no kernel for 4 bits, 0.0: DEPTHWISE_CONV_2D" in note.message
    packed = {t.layer: t.bytes for t in file.census.weights if t.dtype == "int4"}
    assert packed["1.pointwise.0"] == 16 * 16 / 2
    assert decibels(mobile, file) > 10


def test_a_pte_has_them_in_linear_layers_of_whole_groups(mlp: Workshop) -> None:
    file = File(mlp, quantized(mlp, "dynamic"), "executorch", "int4-dynamic")
    assert file.dtypes() == {"1": "int4", "5": "int4", "7": "int8"}
    assert file.proof().fatal == ()
    (proof,) = file.proof().claims
    assert proof.evidence == (
        "2 of 3 weight tensors int4, 1280 bytes, two weights a byte; of more bits, as their operations want: 7"
    )
    (note,) = [finding for finding in file.proof().findings if finding.code == "wide-weights"]
    assert note.message == "int4-dynamic asked: 1 of 3 weight tensors is int8 (7: its 16 inputs are no multiple of 32)"
    assert decibels(mlp, file) > 10


def test_skipped_layers_are_float_and_all_others_as_before(mlp: Workshop) -> None:
    file = File(mlp, quantized(mlp, "dynamic", skip=["1"]), "executorch", "int4-dynamic")
    assert file.dtypes() == {"1": "float32", "5": "int4", "7": "int8"}
    assert file.proof().fatal == ()


def test_eight_bits_where_four_were_asked_fail(mlp: Workshop) -> None:
    context = mlp.context("eight", None, 1)
    run(context, Quantize.model_validate({"kind": "weight_only"}))
    file = File(mlp, context.output, "tflite", "int8-weight-only")
    claim = {"claim": "four_bit_weights", "step": "quantize"}
    file.promise = replace(file.promise, dtype="int4-weight-only")
    (finding,) = file.proof(claims=[claim]).fatal
    assert finding.message == "int4-weight-only asked: 3 of 3 weight tensors are int8 (1, 7, 5)"
    (proof,) = file.proof(claims=[claim]).claims
    assert not proof.holds


def test_a_file_of_convolutions_alone_has_no_place_in_a_pte(mobile: Workshop) -> None:
    folder = quantized(mobile, "dynamic", skip=["0", "1.depthwise", "7"])
    (finding,) = File(mobile, folder, "executorch", "int4-dynamic").proof().fatal
    assert finding.code == "wide-weights"
    assert "no weight is int4 in this format (1.pointwise.0: XNNConv2d has no kernel for 4 bits" in finding.message


def test_they_belong_to_two_kinds() -> None:
    assert delivers(Quantize(kind="weight_only", weights="int4")) == "int4-weight-only"
    assert delivers(Quantize(kind="dynamic", weights="int4")) == "int4-dynamic"
    with pytest.raises(ValueError, match="weights: int4 needs kind: dynamic or weight_only, found kind: static"):
        Quantize(weights="int4")
    with pytest.raises(ValueError, match="one scale per tensor is too coarse"):
        Quantize(kind="dynamic", weights="int4", granularity="per_tensor")
