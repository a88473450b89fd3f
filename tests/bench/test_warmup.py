"""Warm-up is found where it is, and not where there is none."""

import numpy as np
import pytest

from edgebuild.bench.warmup import find_warmup


def _noise(seed: int, runs: int) -> np.ndarray:
    return 1.0 + np.random.default_rng(seed).gamma(2.0, 0.01, runs)


@pytest.mark.parametrize("seed", range(10))
def test_a_slow_beginning_is_dropped(seed: int) -> None:
    runs = _noise(seed, 200)
    runs[:25] *= 1.5
    found = find_warmup(runs)
    assert 25 <= found.runs <= 60
    assert found.stable


@pytest.mark.parametrize("seed", range(10))
def test_an_exponential_beginning_is_dropped_until_it_no_longer_matters(seed: int) -> None:
    runs = _noise(seed, 300) + np.exp(-np.arange(300) / 10)
    found = find_warmup(runs)
    assert np.exp(-found.runs / 10) < 0.05
    assert found.stable


def test_steady_runs_keep_most_of_their_length() -> None:
    dropped = [find_warmup(_noise(seed, 200)).runs for seed in range(50)]
    assert np.median(dropped) <= 30
    assert min(dropped) >= 1


def test_one_interrupted_run_is_not_warmup() -> None:
    runs = np.full(100, 1.0)
    runs[37] = 40.0
    assert find_warmup(runs).runs == 1


def test_runs_that_keep_getting_faster_never_become_stable() -> None:
    assert not find_warmup(np.linspace(3.0, 1.0, 100)).stable


def test_too_few_runs_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 20"):
        find_warmup(np.ones(19))
