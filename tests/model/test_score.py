"""Scores and drops are figures whose intervals mean what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgebuild.model.metric import resolve_metric
from edgebuild.model.score import agreement, drop, score, wilson

ACCURACY = resolve_metric("accuracy", Path())


def outputs(labels: np.ndarray) -> dict[str, np.ndarray]:
    """Scores whose best class is `labels`."""
    return {"scores": np.eye(4, dtype=np.float32)[labels]}


def test_wilson_is_the_published_interval() -> None:
    # Newcombe, Two-sided confidence intervals for the single proportion, 1998, table I: 81 of 263, and 0 of 20.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_accuracy_is_a_measured_percentage_with_wilsons_interval() -> None:
    targets = np.arange(100) % 4
    wrong = np.where(np.arange(100) < 3, (targets + 1) % 4, targets)
    figure = score(ACCURACY, outputs(wrong), targets, "PyTorch")
    assert (figure.name, figure.value, figure.unit, figure.kind, figure.confidence) == (
        "accuracy",
        97.0,
        "%",
        "measured",
        0.95,
    )
    assert (figure.low, figure.high) == pytest.approx(tuple(100 * end for end in wilson(97, 100)))
    assert figure.provenance == "PyTorch, 100 validation samples, Wilson interval"


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    metric = resolve_metric("mae", Path())
    covered = 0
    for _ in range(60):
        errors = rng.exponential(1.0, 80)
        figure = score(metric, {"y": errors}, np.zeros(80))
        assert figure.low is not None
        assert figure.high is not None
        covered += figure.low <= 1.0 <= figure.high
    assert 50 <= covered <= 60


def test_a_drop_is_paired_and_positive_when_worse() -> None:
    rng = np.random.default_rng(2)
    targets = rng.integers(0, 4, 400)
    right = rng.random(400) < 0.8
    baseline = np.where(right, targets, (targets + 1) % 4)
    worse = baseline.copy()
    worse[np.flatnonzero(right)[:8]] = (targets[np.flatnonzero(right)[:8]] + 1) % 4
    figure = drop(ACCURACY, outputs(baseline), outputs(worse), targets)
    assert (figure.name, figure.unit, figure.value) == ("accuracy_drop", "points", pytest.approx(2.0))
    assert figure.low is not None
    assert figure.high is not None
    # 8 of 400 differ, all one way: sd of the paired mean is 0.7 points; unpaired it would be 2.8.
    assert 0.5 < figure.low < 1.3
    assert 2.7 < figure.high < 3.6
    assert drop(ACCURACY, outputs(worse), outputs(baseline), targets).value == pytest.approx(-2.0)
    assert figure == drop(ACCURACY, outputs(baseline), outputs(worse), targets)


def test_no_difference_is_not_no_uncertainty() -> None:
    targets = np.arange(300) % 4
    figure = drop(ACCURACY, outputs(targets), outputs(targets), targets)
    assert (figure.value, figure.low, figure.high) == (0.0, -1.0, 1.0)
    assert "rule of three" in figure.provenance


def test_lower_is_better_turns_the_sign_and_keeps_the_unit() -> None:
    metric = resolve_metric({"name": "mae", "unit": "degC"}, Path())
    figure = drop(metric, {"y": np.full(50, 1.0)}, {"y": np.full(50, 1.5)}, np.zeros(50))
    assert (figure.value, figure.unit) == (pytest.approx(0.5), "degC")


def test_a_metric_without_samples_is_computed_anew_on_each_resample() -> None:
    rng = np.random.default_rng(3)
    targets = rng.integers(0, 4, 120)
    labels = np.where(rng.random(120) < 0.7, targets, (targets + 1) % 4)
    figure = score(resolve_metric("f1", Path()), outputs(labels), targets)
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low < figure.value < figure.high  # type: ignore[operator]
    assert 8 < figure.high - figure.low < 25
    assert figure.provenance.endswith("bootstrap of 200")


def test_agreement_counts_equal_classes_and_is_missing_for_real_targets() -> None:
    targets = np.arange(100) % 4
    other = targets.copy()
    other[:5] = (other[:5] + 1) % 4
    figure = agreement(outputs(targets), outputs(other), targets)
    assert (figure.value, figure.unit) == (95.0, "%")
    assert figure.low == pytest.approx(100 * wilson(95, 100)[0])
    assert agreement(outputs(targets), outputs(other), targets.astype(np.float32)).missing


def test_segmentation_is_scored_by_pixel_with_an_interval_over_images() -> None:
    rng = np.random.default_rng(4)
    targets = rng.integers(0, 3, (30, 5, 5))
    labels = np.where(rng.random(targets.shape) < 0.9, targets, (targets + 1) % 3)
    scores = np.moveaxis(np.eye(3, dtype=np.float32)[labels], -1, 1)
    figure = score(ACCURACY, {"scores": scores}, targets)
    assert figure.value == pytest.approx(100 * (labels == targets).mean())
    assert "bootstrap of 2000" in figure.provenance
    assert agreement({"scores": scores}, {"scores": scores}, targets).value == 100.0
