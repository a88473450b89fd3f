"""Measured times of a board correct what its emulation says."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from edgebuild.estimate.arm.correction import Correction, fit_correction
from edgebuild.estimate.predictor.calibration import Calibration, read_calibration
from edgebuild.figure import Figure

ESTIMATE = Figure("latency", 10.0, "ms", "estimated", 7.0, 14.0, 0.9, "a core; interval of int8, from devices left out")


def test_times_that_are_all_off_by_a_factor_leave_that_factor_and_a_narrow_interval() -> None:
    errors = [math.log(1.5) + error for error in (-0.02, 0.0, 0.01, 0.02)]
    found = fit_correction(errors, "int8", 1)
    assert found.factor == pytest.approx(1.5, rel=0.01)
    assert found.confidence == 4 / 5, "the largest of four errors holds four times in five"
    figure = found.applied(ESTIMATE, "times.csv")
    assert figure.value == pytest.approx(10 * found.factor)
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low == pytest.approx(figure.value * math.exp(found.low))
    assert figure.high / figure.low < 1.1 < 14 / 7
    assert "a core; x 1.51 and interval by 4 networks that were measured with 1 thread (times.csv)" in figure.provenance


def test_each_network_is_left_out_of_the_factor_it_is_held_against() -> None:
    found = fit_correction([0.0, 0.0, 1.0], "fp32", 4)
    assert found.factor == 1
    assert found.high == pytest.approx(1.0), "the third is e times what the two others say"


def test_only_estimates_of_the_same_kind_are_corrected(tmp_path: Path) -> None:
    correction = Correction("int8", 1, 3, 2.0, -0.1, 0.1, 0.75, 0.05)
    known = Calibration("board", "times.csv", (), (correction,))
    assert known.corrected(ESTIMATE, "int8", 1).value == 20
    assert known.corrected(ESTIMATE, "int8", 4) is ESTIMATE
    assert known.corrected(ESTIMATE, "fp32", 1) is ESTIMATE
    (tmp_path / "board.calibration.json").write_text(known.to_text())
    assert read_calibration(tmp_path / "board.calibration.json") == known
