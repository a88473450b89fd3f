"""A .pte holds what was asked: dtypes, layouts, names, metadata, layers; and says what it cannot hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgebuild.check.census.pte import read_pte_census
from edgebuild.config.registries import FORMATS, RUNTIMES
from edgebuild.errors import ConfigError
from edgebuild.export.feed import predict
from edgebuild.export.format import ExportRequest
from edgebuild.runtime.executorch_file import read_pte
from tests.executorch.workshop import Export, decibel, outputs

_VARIANTS = [
    ("fp32", "nchw", "float32", 110),
    ("fp16", "nchw", "float32", 45),
    ("fp16", "nhwc", "float16", 45),
    ("int8", "nchw", "float32", 30),
    ("int8", "nhwc", "float32", 30),
    ("int8-dynamic", "nchw", "float32", 35),
]


@pytest.mark.parametrize(("dtype", "layout", "io", "least"), _VARIANTS)
def test_outputs_follow_pytorch(export: Export, dtype: str, layout: str, io: str, least: float) -> None:
    exported = export("residual", dtype, layout, io)
    assert decibel(exported.expected(), outputs(exported)) > least
    assert exported.record.inputs[0].shape == ((1, 8, 8, 3) if layout == "nhwc" else (1, 3, 8, 8))
    assert exported.record.inputs[0].dtype == exported.record.outputs[0].dtype == io


def test_nhwc_computes_the_same_bits_as_nchw(export: Export) -> None:
    assert outputs(export("residual", "int8", "nhwc")).tobytes() == outputs(export("residual", "int8")).tobytes()


def test_a_session_can_be_fed_with_the_models_own_arrays(export: Export) -> None:
    exported = export("segmenter", "fp32", "nhwc")
    session = RUNTIMES.get("executorch").open(exported.file, 1)
    found = predict(session, exported.record, {"image": exported.samples})["scores"]
    session.close()
    assert decibel(exported.expected(), found) > 110


def test_image_output_has_the_layout_too(export: Export) -> None:
    exported = export("segmenter", "fp32", "nhwc")
    found = outputs(exported)
    assert found.shape[1:] == (8, 8, 2)
    assert decibel(exported.expected(), found.transpose(0, 3, 1, 2)) > 110
    assert not [op for op in read_pte_census(exported.file).operations if "Transpose" in op.name]


def test_one_channel_has_nothing_to_reorder(export: Export) -> None:
    exported = export("residual", "fp32", "nhwc", channels=1)
    assert read_pte_census(exported.file).inputs[0].shape == (1, 8, 8, 1)
    assert decibel(exported.expected(), outputs(exported)) > 110


def test_same_request_gives_the_same_bytes(export: Export, request_for: Callable[..., ExportRequest]) -> None:
    again = request_for("residual", "int8")
    FORMATS.get("executorch").run(again)
    first = export("residual", "int8")
    for name in ("model.pte", "layers.json", "export.json"):
        assert (again.output / name).read_bytes() == (first.request.output / name).read_bytes()


def test_file_says_what_an_app_must_know(export: Export) -> None:
    exported = export("residual", "int8", "nhwc")
    known = read_pte(exported.file).metadata()
    assert known["labels"] == list("abcde")
    assert known["inputs"][0]["name"] == "image"
    assert known["inputs"][0]["layout"] == "nhwc"
    assert known["inputs"][0]["normalization"] == {"scale": 0.5, "mean": [0.1], "std": [2]}
    assert known["outputs"][0]["name"] == "scores"
    text = exported.file.read_bytes()
    assert str(Path.cwd()).encode() not in text
    assert str(exported.request.model).encode() not in text


def test_layers_are_in_forward_order_without_folded_ones(export: Export) -> None:
    layers = export("residual", "int8").record.layers
    assert layers[0] == "stem.0"
    assert layers[-1] == "head"
    assert "stem.1" not in layers  # the batch norm went into the convolution


@pytest.mark.parametrize(("dtype", "kind"), [("int8", "static"), ("int8-dynamic", "dynamic")])
def test_dtype_needs_its_quantize_step(request_for: Callable[..., ExportRequest], dtype: str, kind: str) -> None:
    request = request_for("residual", dtype, scheme=None)
    with pytest.raises(ConfigError, match=f"dtype {dtype} needs a plan step quantize with kind: {kind}, found none"):
        FORMATS.get("executorch").run(request)


def test_quantized_plan_is_not_exported_as_float(request_for: Callable[..., ExportRequest]) -> None:
    request = request_for("residual", "fp32", scheme={"kind": "static"})
    with pytest.raises(ConfigError, match="the plan quantizes"):
        FORMATS.get("executorch").run(request)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("branching", r"cannot be exported.*zoo\.py:\d+"),
        (
            "unknown_operation",
            r"cannot be lowered to ExecuTorch: special_erfcx of layer 'act.special_erfcx' at zoo\.py",
        ),
        ("changing_shape", r"masked_select of layer 'masked_select' at zoo\.py:\d+ gives a shape that depends"),
    ],
)
def test_what_cannot_be_exported_is_named(request_for: Callable[..., ExportRequest], name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        FORMATS.get("executorch").run(request_for(name, "fp32"))
