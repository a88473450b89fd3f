"""A difference is called a change only when the intervals allow it."""

from dataclasses import replace

import pytest

from edgebuild.figure import Figure
from edgebuild.report.compare import compare, judge_change
from tests.report.sample import passing_facts, sample_facts


def _latency(value: float, half: float) -> Figure:
    return Figure("host_latency", value, "ms", "measured", value - half, value + half, 0.95, "test")


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        (_latency(1.0, 0.1), _latency(1.0, 0.2), "same"),
        (_latency(1.0, 0.1), _latency(1.13, 0.1), "within noise"),
        (_latency(1.0, 0.1), _latency(1.15, 0.1), "changed"),
        (_latency(1.15, 0.1), _latency(1.0, 0.1), "changed"),
        (Figure("file_size", 10, "B", "exact"), Figure("file_size", 11, "B", "exact"), "changed"),
        (Figure("energy", 1, "J", "measured"), Figure("energy", 1, "mJ", "measured"), "changed"),
        (Figure("energy", None, "mJ", "measured"), Figure("energy", 1, "mJ", "measured"), "appeared"),
        (Figure("energy", 1, "mJ", "measured"), None, "disappeared"),
        (Figure("energy", None, "mJ", "measured"), None, "same"),
    ],
)
def test_verdicts(old: Figure, new: Figure | None, verdict: str) -> None:
    assert judge_change(old, new) == verdict


def test_the_facing_end_of_a_lopsided_interval_counts() -> None:
    lopsided = Figure("host_latency", 1.0, "ms", "measured", 0.99, 1.5, 0.95, "test")
    assert judge_change(lopsided, _latency(1.3, 0.01)) == "within noise"
    assert judge_change(lopsided, _latency(0.9, 0.01)) == "changed"


def test_a_run_compared_with_itself_has_no_change() -> None:
    comparison = compare(sample_facts(), sample_facts())
    assert {change.verdict for change in comparison.changes} == {"same"}
    assert comparison.statuses == {}


def test_better_and_worse_follow_the_figures_direction() -> None:
    old = passing_facts()
    first = old.targets[0]
    smaller = Figure("file_size", 1.0, "B", "exact")
    worse = Figure("accuracy", 50.0, "%", "measured", 49.0, 51.0, 0.95, "test")
    unknown = Figure("temperature", 5.0, "K", "exact")
    before = replace(first, figures=(*first.figures, Figure("temperature", 4.0, "K", "exact")))
    after = replace(first, figures=(smaller, worse, unknown))
    comparison = compare(replace(old, targets=(before,)), replace(old, targets=(after,)))
    found = {
        change.figure: (change.verdict, change.better) for change in comparison.changes if change.target != "baseline"
    }
    assert found["file_size"] == ("changed", True)
    assert found["accuracy"] == ("changed", False)
    assert found["temperature"] == ("changed", None)
    assert found["host_latency"] == ("disappeared", None)


def test_statuses_and_targets_that_come_and_go_are_named() -> None:
    comparison = compare(sample_facts(), passing_facts())
    assert comparison.statuses["raspberry-pi-4"] == ("missed", "ok")
    assert comparison.statuses["desk-toy"] == ("skipped", None)
    assert {change.verdict for change in comparison.changes if change.target == "cortex-m4"} == {"appeared", "same"}


def test_less_of_a_metric_that_should_be_low_is_better() -> None:
    old = passing_facts()
    old = replace(old, baseline=replace(old.baseline, higher_is_better=False))
    first = old.targets[0]
    runs = [
        replace(old, targets=(replace(first, figures=(Figure("accuracy", value, "1", "exact"),)),)) for value in (5, 4)
    ]
    found = {change.figure: change.better for change in compare(*runs).changes if change.target != "baseline"}
    assert found["accuracy"] is True
