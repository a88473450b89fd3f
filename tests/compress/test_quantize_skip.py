"""Layers that `quantize` skips: found by name and place, float in the file, all others int8, and both are checked."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.compress.quantize.post_training import Quantize, run
from edgebuild.errors import ConfigError
from edgebuild.model.model_folder import read_record
from tests.compress.files import File
from tests.compress.qat_workshop import SUFFIX, float_outputs, make
from tests.compress.workshop import Workshop

POINTWISE = "1.pointwise.0"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return make(tmp_path_factory.mktemp("mobile"), "mobile")


def quantized(shop: Workshop, name: str, **parameters: Any) -> Path:
    context = shop.context(name, None, 1)
    run(context, Quantize.model_validate({"calibration": {"samples": 32}, **parameters}))
    return context.output


def skipped(folder: Path) -> set[str]:
    return set(read_record(folder).layer_types)


def test_the_ends_are_found_in_the_graph(shop: Workshop, tmp_path: Path) -> None:
    assert skipped(quantized(shop, "ends", skip_first=True, skip_last=True)) == {"0.0", "7"}
    branches = make(tmp_path, "branches", epochs=0)
    assert skipped(quantized(branches, "first", skip_first=True)) == {"0.left.0", "0.right.0"}


def test_a_pattern_means_everything_inside(shop: Workshop) -> None:
    assert skipped(quantized(shop, "inside", skip=["1", "3*"])) == {"1.depthwise.0", POINTWISE, "3.0"}


def test_a_pattern_that_matches_no_layer_is_told(shop: Workshop) -> None:
    with pytest.raises(ConfigError, match=r"quantize.skip: '1.pointwize' matches no layer of the model; did you mean"):
        quantized(shop, "misspelled", skip=["1.pointwize"])


def test_something_must_be_left(shop: Workshop) -> None:
    with pytest.raises(ConfigError, match=r"all 5 layers with weights are skipped"):
        quantized(shop, "all", skip=["*"])


def test_half_precision_has_nothing_to_skip() -> None:
    with pytest.raises(ValueError, match="skip: leaves layers of integers in floating point"):
        Quantize.model_validate({"kind": "float16", "skip_first": True})


def claims_with(record: Any, types: dict[str, str]) -> list[dict[str, Any]]:
    """The claims of a record, as if the step had named other layers."""
    change = {"types": types, "except": list(types)}
    return [{**claim, **{key: value for key, value in change.items() if key in claim}} for claim in record.claims]


KINDS = {"int8": "static", "int8-dynamic": "dynamic", "int8-weight-only": "weight_only"}


@pytest.fixture(scope="module")
def files(shop: Workshop) -> Callable[[str, str], File]:
    """(format, dtype) -> a file of which two layers are skipped, three of dynamic, that has no kernel for depthwise."""

    @cache
    def made(form: str, dtype: str) -> File:
        named = ["0", POINTWISE, *(["1.depthwise"] if dtype == "int8-dynamic" else [])]
        context = shop.context(f"{form}-{dtype}", None, 1)
        run(context, Quantize.model_validate({"kind": KINDS[dtype], "skip": named}))
        return File(shop, context.output, form, dtype)

    return made


@pytest.mark.parametrize(
    ("form", "dtype"),
    [*[("tflite", dtype) for dtype in KINDS], ("executorch", "int8"), ("executorch", "int8-dynamic")],
)
def test_exactly_the_named_layers_are_float(shop: Workshop, files: Any, form: str, dtype: str) -> None:
    file = files(form, dtype)
    floats = {"0.0", POINTWISE, *(["1.depthwise.0"] if dtype == "int8-dynamic" else [])}
    assert {layer for layer, found in file.dtypes().items() if found == "float32"} == floats
    assert {found for layer, found in file.dtypes().items() if layer not in floats} == {"int8"}
    assert file.proof().fatal == ()
    truth = float_outputs(shop, shop.baseline)
    assert 10 * np.log10(np.mean(truth**2) / np.mean((file.outputs - truth) ** 2)) > 20


@pytest.mark.parametrize("form", ["tflite", "executorch"])
def test_both_ways_are_checked(files: Any, form: str) -> None:
    file = files(form, "int8")
    more = {"0.0": "float32", POINTWISE: "float32", "3.0": "float32"}
    (came_out_int8,) = file.proof(more, claims_with(file.record, more)).fatal
    assert (came_out_int8.code, came_out_int8.layers) == ("layer-types", ("3.0",))
    assert came_out_int8.message == "quantize: 3.0 is int8, not float32"
    fewer = {"0.0": "float32"}
    found = {finding.code: finding.layers for finding in file.proof(fewer, claims_with(file.record, fewer)).fatal}
    assert found["float-weights"] == (POINTWISE,)
    assert POINTWISE in found["float-activations"]
    assert "inner-quantize" in found


def test_ranges_and_biases_are_decided_around_them(shop: Workshop) -> None:
    extras = {"calibration": {"samples": 32, "method": "mse"}, "equalize": True, "correct_bias": True}
    folder = quantized(shop, "extras", skip=[POINTWISE], skip_last=True, **extras)
    for form in SUFFIX:
        assert File(shop, folder, form).proof().fatal == (), form
    effect = read_record(folder).extra["quantize"]["effect"]
    assert effect.startswith(f"float32: {POINTWISE}, 7; ")


def test_what_is_not_skipped_has_the_same_integers(shop: Workshop, files: Any) -> None:
    """Leaving layers out changes the others in nothing: the same calibrator makes them."""
    whole = {tensor.layer: tensor.digest for tensor in File(shop, quantized(shop, "whole"), "tflite").census.weights}
    part = {tensor.layer: tensor.digest for tensor in files("tflite", "int8").census.weights if tensor.digest}
    assert set(part) == {"1.depthwise.0", "3.0", "7"}
    assert part.items() <= whole.items()
