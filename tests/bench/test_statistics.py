"""The interval covers the truth as often as it says, checked on data whose truth is known."""

import numpy as np
import pytest

from edgebuild.bench.measured import FEWEST_BEYOND
from edgebuild.bench.statistics import (
    median_interval,
    quantile_intervals,
    range_interval,
    ratio_interval,
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


SHARES = (0.5, 0.9, 0.99)


def _coverage(between: float, processes: int, trials: int, runs: int = 60) -> np.ndarray:
    """How often the interval of each quantile of SHARES has the true one."""
    rng = np.random.default_rng(11)
    truth = np.quantile(_processes(rng, 5000, runs, between), SHARES)
    hits = np.zeros(len(SHARES))
    for trial in range(trials):
        found = quantile_intervals(list(_processes(rng, processes, runs, between)), SHARES, resamples=100, seed=trial)
        hits += [interval.low <= true <= interval.high for interval, true in zip(found, truth, strict=True)]
    return hits / trials


@pytest.mark.parametrize(("between", "processes"), [(0.0, 3), (0.05, 3), (0.05, 5), (0.01, 5)])
def test_interval_covers_the_true_median_at_least_nine_times_in_ten(between: float, processes: int) -> None:
    assert _coverage(between, processes, 100)[0] >= 0.90


@pytest.mark.parametrize("between", [0.0, 0.05])
def test_intervals_cover_the_true_90th_and_99th_percentile_as_often(between: float) -> None:
    """With the fewest runs of which a 99th percentile is shown."""
    assert (_coverage(between, 3, 100, round(FEWEST_BEYOND / (1 - 0.99) / 3))[1:] >= 0.90).all()


def test_a_quantile_does_not_reach_below_a_smaller_one() -> None:
    rng = np.random.default_rng(3)
    runs = [np.where(rng.random(100) < 0.02, 50.0, 1.0) + rng.normal(size=100) / 100 for _ in range(3)]
    lows = [interval.low for interval in quantile_intervals(runs, SHARES, resamples=100)]
    assert lows == sorted(lows)
    assert lows[-1] > 0.9


def _pairs(
    rng: np.random.Generator, pairs: int, ratio: float, shared: float, own: float
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Times of two files, `ratio` apart, in processes that ran in pairs; what is `shared` slows down both of a pair."""
    level = 1 + shared * rng.normal(size=(pairs, 1))
    one, other = (_processes(rng, pairs, 40, own) * level for _ in range(2))
    return list(ratio * one), list(other)


@pytest.mark.parametrize(
    ("ratio", "pairs", "shared", "own"),
    [(1.0, 4, 0.1, 0.02), (0.9, 4, 0.0, 0.0), (0.9, 4, 0.2, 0.01), (0.9, 8, 0.1, 0.05)],
)
def test_interval_covers_the_true_ratio_at_least_nine_times_in_ten(
    ratio: float, pairs: int, shared: float, own: float
) -> None:
    """With the ratio 1 a file is held against itself."""
    rng = np.random.default_rng(12)
    found = [ratio_interval(*_pairs(rng, pairs, ratio, shared, own), resamples=100, seed=trial) for trial in range(100)]
    assert np.mean([interval.low <= ratio <= interval.high for interval in found]) >= 0.90


def test_pairing_tells_apart_what_the_medians_alone_do_not() -> None:
    """Two files 5 % apart on a device whose speed changes by 20 % between pairs."""
    rng = np.random.default_rng(13)
    ours, theirs = _pairs(rng, 8, 0.95, 0.2, 0.002)
    paired = ratio_interval(ours, theirs, resamples=200)
    assert paired.high < 1.0
    one, other = (median_interval(runs, resamples=200) for runs in (ours, theirs))
    assert one.high > other.low, "their intervals overlap"
    assert ratio_interval(ours, theirs[::-1], resamples=200).high > 1.0, "wrong pairs tell less"


def test_the_inverse_ratio_has_the_inverse_interval() -> None:
    ours, theirs = _pairs(np.random.default_rng(14), 4, 0.8, 0.1, 0.02)
    one, other = ratio_interval(ours, theirs, resamples=200), ratio_interval(theirs, ours, resamples=200)
    assert (1 / one.high, 1 / one.value, 1 / one.low) == pytest.approx((other.low, other.value, other.high), rel=0.03)


def test_a_ratio_needs_pairs() -> None:
    runs = [np.ones(20)] * 3
    with pytest.raises(ValueError, match="3 processes cannot be paired with 2"):
        ratio_interval(runs, runs[:2])
    with pytest.raises(ValueError, match="at least two processes"):
        ratio_interval(runs[:1], runs[:1])


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
