"""The interval covers the truth as often as it says, checked on data whose truth is known."""

import numpy as np
import pytest

from edgebuild.bench.statistics import (
    median_interval,
    range_interval,
    relative_spread,
    small_sample_expansion,
    student_quantile,
)


def _processes(rng: np.random.Generator, processes: int, runs: int, between: float) -> np.ndarray:
    """Run times [processes, runs]: right-skewed noise, alike in time, about a level of each process's own."""
    noise = rng.gamma(2.0, 0.05, (processes, runs))
    drift = np.zeros((processes, runs))
    for i in range(1, runs):
        drift[:, i] = 0.7 * drift[:, i - 1] + 0.01 * rng.normal(size=processes)
    return 1.0 + between * rng.normal(size=(processes, 1)) + noise + drift


def _coverage(between: float, processes: int, trials: int) -> float:
    rng = np.random.default_rng(11)
    truth = float(np.median(_processes(rng, 5000, 60, between)))
    hits = 0
    for trial in range(trials):
        runs = _processes(rng, processes, 60, between)
        interval = median_interval(list(runs), resamples=100, seed=trial)
        hits += interval.low <= truth <= interval.high
    return hits / trials


@pytest.mark.parametrize(("between", "processes"), [(0.0, 3), (0.05, 3), (0.05, 5), (0.01, 5)])
def test_interval_covers_the_true_median_at_least_nine_times_in_ten(between: float, processes: int) -> None:
    assert _coverage(between, processes, 100) >= 0.90


def test_pooling_the_processes_would_not_cover() -> None:
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(100):
        pooled = _processes(rng, 3, 60, 0.05).ravel()
        medians = [np.median(rng.choice(pooled, len(pooled))) for _ in range(200)]
        low, high = np.quantile(medians, [0.025, 0.975])
        hits += low <= 1.084 <= high
    assert hits < 80


def test_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    runs = list(_processes(np.random.default_rng(0), 3, 50, 0.02))
    assert median_interval(runs, seed=4, resamples=100) == median_interval(runs, seed=4, resamples=100)
    assert median_interval(runs, seed=4, resamples=100) != median_interval(runs, seed=5, resamples=100)


def test_interval_holds_its_estimate_and_needs_two_processes() -> None:
    interval = median_interval([np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0])], resamples=100)
    assert interval.low <= interval.value <= interval.high
    with pytest.raises(ValueError, match="at least two processes"):
        median_interval([np.array([1.0, 2.0])])


@pytest.mark.parametrize(
    ("probability", "degrees", "expected"),
    [(0.975, 1, 12.7062), (0.975, 4, 2.7764), (0.95, 9, 1.8331), (0.995, 30, 2.7500)],
)
def test_student_quantile_matches_the_published_table(probability: float, degrees: int, expected: float) -> None:
    assert student_quantile(probability, degrees) == pytest.approx(expected, abs=1e-3)


def test_expansion_shrinks_to_one_with_many_processes() -> None:
    assert small_sample_expansion(3, 0.95) > small_sample_expansion(5, 0.95) > small_sample_expansion(200, 0.95)
    assert small_sample_expansion(200, 0.95) == pytest.approx(1.0, abs=0.02)


def test_range_covers_the_true_median_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    truth = np.log(2.0)
    intervals = [range_interval(rng.exponential(size=5).tolist()) for _ in range(2000)]
    share = np.mean([interval.low <= truth <= interval.high for interval in intervals])
    assert intervals[0].confidence == 0.9375
    assert share == pytest.approx(0.9375, abs=0.02)


def test_relative_spread_ignores_a_few_interrupted_runs() -> None:
    steady = np.full(100, 2.0)
    steady[:5] = 50.0
    assert relative_spread(steady) == 0.0
    assert relative_spread(np.array([1.0, 2.0, 3.0])) == 0.5
