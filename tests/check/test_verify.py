"""Rules, claims and `allow` together, and the facts that a report gets."""

from __future__ import annotations

import json

from edgebuild.check.promise import Promise
from edgebuild.check.verify import verify
from edgebuild.config.registries import RULES
from tests.check.conftest import Export
from tests.check.workshop import leave_float, promise

CLAIMS_OF_STATIC = (
    {"claim": "weights_dtype", "step": "quantize", "dtype": "int8", "granularity": "per_channel"},
    {"claim": "activations_dtype", "step": "quantize", "dtype": "int8"},
)


def test_a_step_that_did_nothing_fails_the_build(tflite: Export) -> None:
    file = tflite("plain", "fp32")
    result = verify(file.census, promise("tflite", "int8"), CLAIMS_OF_STATIC, file.layers)
    assert [proof.holds for proof in result.claims] == [False, False]
    assert [proof.evidence for proof in result.claims] == ["0 of 4 weight tensors int8", "0 of 4 activations int8"]
    assert {"float-weights", "float-activations", "io-dtype", "wrong-size"} == {f.code for f in result.fatal}


def test_what_a_rule_tells_a_claim_does_not_repeat(tflite: Export) -> None:
    file = tflite("plain", "fp32")
    alone = verify(file.census, promise("tflite", "int8"), (), file.layers)
    both = verify(file.census, promise("tflite", "int8"), CLAIMS_OF_STATIC, file.layers)
    assert both.findings == alone.findings


def test_allow_by_code_and_by_layer(tflite: Export) -> None:
    source = tflite("plain", "fp32")
    file = source.with_bytes(leave_float(source, "body"))
    asked = promise("tflite", "int8")

    def severities(*allow: str) -> dict[str, str]:
        findings = verify(file.census, asked, CLAIMS_OF_STATIC, file.layers, allow).findings
        return {finding.code: finding.severity for finding in findings}

    assert severities()["float-weights"] == "fatal"
    assert severities("float-weights")["float-weights"] == "allowed"
    assert severities("float-weights:body.0", "float-activations:body.0", "wrong-size", "inner-quantize") == {
        "float-weights": "allowed",
        "float-activations": "allowed",
        "wrong-size": "allowed",
        "inner-quantize": "allowed",
    }
    assert severities("float-weights:fc")["float-weights"] == "fatal"


def test_an_unknown_claim_is_fatal(tflite: Export) -> None:
    file = tflite("plain", "int8")
    result = verify(file.census, promise("tflite", "int8"), [{"claim": "magic", "step": "enchant"}], file.layers)
    (finding,) = result.fatal
    assert finding.code == "unknown-claim"
    assert finding.message.startswith(
        "enchant claims 'magic', which no checker knows: its effect is not proved (known: "
    )


def test_every_rule_ran_and_the_result_is_json(tflite: Export) -> None:
    file = tflite("plain", "int8")
    result = verify(file.census, promise("tflite", "int8"), CLAIMS_OF_STATIC, file.layers)
    assert list(result.rules) == RULES.names()
    facts = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert facts["claims"][0]["evidence"] == "4 of 4 weight tensors int8, 3 per channel and 1 per tensor"
    assert facts["findings"] == []


def test_the_summary_counts_what_is_there(tflite: Export) -> None:
    file = tflite("plain", "int8")
    summary = verify(file.census, promise("tflite", "int8"), (), file.layers).summary
    weights = next(row for row in summary["tensors"] if row["role"] == "weight")
    assert weights == {"role": "weight", "dtype": "int8", "count": 4, "bytes": 5504}
    assert {"name": "CONV_2D", "version": 3, "delegate": None, "count": 2} in summary["operations"]
    assert summary["inputs"][0]["shape"] == [1, 8, 8, 3]
    assert summary["min_runtime"]["by"].startswith("FULLY_CONNECTED version ")


def test_a_promise_survives_json() -> None:
    asked = promise("tflite", "int8", granularity="per_channel", options={"fully_connected": "per_channel"})
    assert Promise.from_json(json.loads(json.dumps(asked.to_json()))) == asked
