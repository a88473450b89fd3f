"""Comparing outputs: the numbers, their intervals, and when a difference is more than rounding."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from edgebuild.check.parity import (
    compare_outputs,
    parity_figures,
    reference_findings,
    runtime_findings,
)
from edgebuild.errors import InternalError
from tests.check.conftest import Export
from tests.check.workshop import samples

NAMES = ("pytorch", "litert 2.3.0")


def scores(count: int = 200) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((count, 10)).astype(np.float32)


def test_equal_outputs_are_equal() -> None:
    result = compare_outputs(scores(), scores(), names=NAMES, output="scores")
    assert (result.max_abs_diff, result.sqnr_db, result.equal, result.agreeing) == (0, math.inf, 2000, 200)
    assert runtime_findings(result) == []
    assert json.loads(json.dumps(result.to_json(), allow_nan=False))["sqnr_db"] == "inf"


def test_the_ratio_of_a_known_noise() -> None:
    result = compare_outputs(scores(), scores() * 1.1, names=NAMES, output="scores")
    assert result.sqnr_db == pytest.approx(20, abs=0.01)


def test_one_step_between_runtimes_is_rounding_and_two_are_not() -> None:
    stored = np.arange(-50, 50, dtype=np.int8).reshape(10, 10)
    one = compare_outputs(stored, stored + np.int8(1), names=NAMES, output="scores")
    assert one.max_lsb == 1
    assert runtime_findings(one) == []
    (finding,) = runtime_findings(compare_outputs(stored, stored + np.int8(2), names=NAMES, output="scores"))
    assert finding.message == (
        "output scores of pytorch and litert 2.3.0, 10 samples: they differ by up to 2 steps, at most 1 is rounding"
    )


def test_wider_integers_are_rounded_in_finer_steps() -> None:
    stored = np.arange(-50, 50, dtype=np.int16).reshape(10, 10)
    assert runtime_findings(compare_outputs(stored, stored + np.int16(200), names=NAMES, output="scores")) == []
    (finding,) = runtime_findings(compare_outputs(stored, stored + np.int16(257), names=NAMES, output="scores"))
    assert finding.message.endswith("they differ by up to 257 steps, at most 256 is rounding")


def test_steps_do_not_wrap_around() -> None:
    low, high = np.full((1, 2), -128, np.int8), np.full((1, 2), 127, np.int8)
    assert compare_outputs(low, high, names=NAMES, output="scores").max_lsb == 255


def test_a_silently_wrong_runtime_is_found() -> None:
    (finding,) = runtime_findings(compare_outputs(scores(), scores() * 0.8, names=NAMES, output="scores"))
    assert finding.code == "parity"
    assert "14.0 dB, at least 20 dB expected of one file" in finding.message


def test_not_a_number_is_found() -> None:
    broken = scores()
    broken[3] = np.nan
    result = compare_outputs(scores(), broken, names=NAMES, output="scores")
    assert result.not_finite == 10
    assert "10 of 2000 numbers are NaN or infinite" in runtime_findings(result)[0].message
    assert "10 of 2000 numbers are NaN or infinite" in reference_findings(result, "int8")[0].message


def test_what_a_dtype_may_lose_against_float() -> None:
    noisy = compare_outputs(scores(), scores() * 1.03, names=NAMES, output="scores")
    assert reference_findings(noisy, "int8") == []
    (finding,) = reference_findings(noisy, "fp32")
    assert "30.5 dB, at least 60 dB expected of fp32" in finding.message


def test_figures_say_kind_interval_and_source() -> None:
    other = scores()
    other[:4] = -other[:4]
    figures = {f.name: f for f in parity_figures(compare_outputs(scores(), other, names=NAMES, output="scores"))}
    agreement = figures["agreement"]
    assert (agreement.value, agreement.kind, agreement.confidence) == (98.0, "measured", 0.95)
    assert agreement.low == pytest.approx(94.97, abs=0.02)
    assert agreement.high == pytest.approx(99.22, abs=0.02)
    assert figures["sqnr"].kind == "exact"
    assert figures["sqnr"].provenance == "scores: pytorch and litert 2.3.0, 200 samples"
    assert figures["equal_outputs"].value == 98.0


def test_an_output_without_scores_has_no_agreement() -> None:
    image = np.zeros((2, 3, 4, 4), np.float32)
    result = compare_outputs(image, image, names=NAMES, output="mask")
    assert result.agreeing is None
    assert "agreement" not in {figure.name for figure in parity_figures(result)}


def test_arrays_that_cannot_be_compared() -> None:
    with pytest.raises(InternalError, match="cannot be compared"):
        compare_outputs(scores(3), scores(4), names=NAMES, output="scores")
    with pytest.raises(InternalError, match="dequantize one"):
        compare_outputs(scores(3), np.zeros((3, 10), np.int8), names=NAMES, output="scores")


def test_a_real_int8_file_against_its_float_original(tflite: Export) -> None:
    original, integer = run_tflite(tflite("plain", "fp32")), run_tflite(tflite("plain", "int8"))
    spec = tflite("plain", "int8").record.outputs[0]
    assert spec.scale is not None
    assert spec.zero_point is not None
    result = compare_outputs(
        original, (integer.astype(np.float64) - spec.zero_point) * spec.scale, names=NAMES, output="scores"
    )
    assert reference_findings(result, "int8") == []
    assert 15 < result.sqnr_db < 80


def run_tflite(file: object) -> np.ndarray:
    from edgebuild.config.registries import RUNTIMES
    from tests.check.workshop import File

    assert isinstance(file, File)
    spec = file.record.inputs[0]
    feed = samples().transpose(0, 2, 3, 1)
    if spec.scale is not None and spec.zero_point is not None:
        feed = np.clip(np.round(feed / spec.scale) + spec.zero_point, -128, 127).astype(spec.dtype)
    session = RUNTIMES.get("litert").open(file.path, 1)
    try:
        return np.concatenate([session.run({"image": np.ascontiguousarray(one[None])})["scores"] for one in feed])
    finally:
        session.close()
