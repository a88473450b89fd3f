"""Every claim holds on a real file where its step did its work, and fails where it did not."""

from __future__ import annotations

from typing import Any

import pytest

from edgebuild.check.claim import ClaimResult
from edgebuild.config.registries import CLAIMS
from edgebuild.errors import InternalError
from tests.check.conftest import Export
from tests.check.workshop import File, leave_float


def prove(file: File, claim: str, **parameters: Any) -> ClaimResult:
    result: ClaimResult = CLAIMS.get(claim).check(file.census, {"claim": claim, "step": "a-step", **parameters})
    return result


def test_weights_dtype_says_how_many_and_how(tflite: Export) -> None:
    assert prove(tflite("plain", "int8-weight-only"), "weights_dtype", dtype="int8") == ClaimResult(
        "4 of 4 weight tensors int8, per channel"
    )
    assert prove(tflite("plain", "int8"), "weights_dtype", dtype="int8").evidence == (
        "4 of 4 weight tensors int8, 3 per channel and 1 per tensor"
    )


def test_weights_dtype_names_the_layer_that_is_otherwise(tflite: Export) -> None:
    source = tflite("plain", "fp32")
    result = prove(source.with_bytes(leave_float(source, "body")), "weights_dtype", dtype="int8")
    assert result.evidence == "3 of 4 weight tensors int8, per channel"
    assert result.findings[0].message == "a-step: 1 of 4 weight tensors is float32, not int8 (body.0)"
    assert result.findings[0].layers == ("body.0",)


def test_weights_dtype_of_a_pte(pte: Export) -> None:
    assert prove(pte("plain", "int8"), "weights_dtype", dtype="int8").evidence == (
        "4 of 4 weight tensors int8, per channel"
    )


def test_activations_dtype(tflite: Export) -> None:
    assert prove(tflite("plain", "int16x8"), "activations_dtype", dtype="int16") == ClaimResult(
        "4 of 4 activations int16"
    )
    (finding,) = prove(tflite("plain", "int8-dynamic"), "activations_dtype", dtype="int8").findings
    assert finding.message == ("a-step: 4 of 4 activations are float32, not int8 (stem.0, depthwise.0, body.0, pool)")


def test_activations_around_one_float_layer_are_that_layers_fault(tflite: Export) -> None:
    source = tflite("plain", "fp32")
    (finding,) = prove(source.with_bytes(leave_float(source, "body")), "activations_dtype", dtype="int8").findings
    assert finding.layers == ("body.0",)


@pytest.mark.parametrize("layer", ["stem.0", "depthwise.0"])
def test_channels_of_both_formats_and_both_kinds_of_convolution(tflite: Export, pte: Export, layer: str) -> None:
    for file in (tflite("plain", "int8"), tflite("plain", "int8-weight-only"), pte("plain", "int8")):
        assert prove(file, "channels", layer=layer, kept=16) == ClaimResult(f"{layer}: 16 output channels")
        assert prove(file, "channels", layer=layer, kept=list(range(16))).findings == ()
        (finding,) = prove(file, "channels", layer=layer, kept=12).findings
        assert finding.message == f"a-step: {layer}: 16 output channels in the file, 12 channels expected"


def test_factors_are_counted_where_they_stand(tflite: Export, pte: Export) -> None:
    part = {"layer": "depthwise.0", "channels": 16, "weights": 16 * 9}
    for file in (tflite("plain", "int8"), tflite("plain", "fp32"), pte("plain", "int8")):
        held = prove(file, "factors", layer="depthwise", factors=[part])
        assert held == ClaimResult("depthwise: 16 channels of 9 weights")
        (finding,) = prove(file, "factors", layer="depthwise", factors=[{**part, "weights": 144 * 2}]).findings
        assert finding.message == (
            "a-step: 1 factor in the place of depthwise promised: "
            "depthwise.0 has 16 channels and 144 weights, not 16 and 288"
        )
        (finding,) = prove(file, "factors", layer="depthwise.0", factors=[{**part, "layer": "depthwise.0.0"}]).findings
        assert finding.message.endswith(
            "depthwise.0.0 has no weight tensor, depthwise.0 has a weight tensor of its own"
        )
        assert finding.layers == ("depthwise.0",)


def test_a_layer_that_is_not_in_the_file_proves_nothing(tflite: Export) -> None:
    (finding,) = prove(tflite("plain", "int8"), "channels", layer="gone", kept=4).findings
    assert finding.message == "a-step: no weight tensor of gone found in the file, so its effect is not proved"


def test_channel_multiple(tflite: Export) -> None:
    file = tflite("plain", "int8")
    assert prove(file, "channel_multiple", multiple=8, **{"except": ["fc"]}) == ClaimResult(
        "3 of 3 weight tensors have a multiple of 8 output channels"
    )
    (finding,) = prove(file, "channel_multiple", multiple=8).findings
    assert finding.message == "a-step: multiples of 8 output channels promised, not so in fc: 10"


def test_sparsity_of_all_and_of_a_layer(tflite: Export) -> None:
    sparse = tflite("sparse", "int8")
    assert prove(sparse, "sparsity", minimum=0.7, layer="stem").findings == ()
    (finding,) = prove(sparse, "sparsity", minimum=0.9, layer="stem").findings
    assert finding.message.startswith("a-step: at least 90.0% zeros promised, found stem: 7")
    (whole,) = prove(tflite("plain", "int8"), "sparsity", minimum=0.5).findings
    assert "of 5504 weights in 4 tensors are zero, at least 50.0% promised" in whole.message


def test_distinct_values_of_a_codebook(tflite: Export) -> None:
    clustered = tflite("sparse", "fp32")
    assert prove(clustered, "distinct_values", maximum=4, layer="stem").findings == ()
    (finding,) = prove(clustered, "distinct_values", maximum=3, layer="stem").findings
    assert finding.message == "a-step: at most 3 distinct values promised, found stem: 4"


def test_size_ratio(tflite: Export) -> None:
    file, baseline = tflite("plain", "int8"), tflite("plain", "fp32").census.file_bytes
    assert prove(file, "size_ratio", baseline_bytes=baseline, maximum=0.7).findings == ()
    (finding,) = prove(file, "size_ratio", baseline_bytes=baseline, maximum=0.1).findings
    assert finding.message.endswith("at most 0.100 promised")


def test_a_claim_without_its_parameter_is_our_bug(tflite: Export) -> None:
    with pytest.raises(InternalError, match="claim sparsity of step a-step has no 'minimum'"):
        prove(tflite("plain", "int8"), "sparsity")
