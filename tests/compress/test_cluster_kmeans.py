"""Codebooks are what k-means of numbers gives: nothing nearer can be had by one more iteration."""

from __future__ import annotations

import numpy as np
import pytest

from edgebuild.compress.cluster.kmeans import codebook, nearest

INITS = ("linear", "density", "kmeans++")


def weights(count: int = 5000) -> np.ndarray:
    random = np.random.default_rng(0)
    return np.concatenate([random.normal(0, 0.05, count), random.normal(0.4, 0.01, count // 50)]).astype(np.float32)


def error(values: np.ndarray, centroids: np.ndarray) -> float:
    return float(((values - centroids[nearest(values, centroids)]) ** 2).mean())


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("clusters", [2, 5, 16])
def test_every_centroid_is_the_mean_of_its_members(init: str, clusters: int) -> None:
    values = weights()
    centroids = codebook(values, clusters, init, 0)
    index = nearest(values, centroids)
    assert len(centroids) == clusters
    assert np.all(np.diff(centroids) > 0)
    for number in range(clusters):
        np.testing.assert_allclose(values[index == number].mean(dtype=np.float64), centroids[number], rtol=1e-6)


@pytest.mark.parametrize("init", INITS)
def test_it_is_the_best_assignment_and_better_than_even_steps(init: str) -> None:
    values = weights()
    centroids = codebook(values, 8, init, 0)
    distances = np.abs(values[:, None].astype(np.float64) - centroids)
    np.testing.assert_array_equal(nearest(values, centroids), distances.argmin(1))
    assert error(values, centroids) < 0.5 * error(values, np.linspace(values.min(), values.max(), 8))


@pytest.mark.parametrize("init", INITS)
def test_far_groups_are_found_whatever_the_start(init: str) -> None:
    """A linear start leaves clusters without members here: they start again where the error is largest."""
    values = np.array([0.0, 0.001, 0.002, 10.0, 10.001, -3.0, 5.0])
    found = codebook(values, 4, init, 3)
    assert error(values, found) < 0.01 or init != "linear"
    assert len(found) == 4


def test_few_values_are_their_own_codebook() -> None:
    np.testing.assert_array_equal(codebook(np.array([2.0, 1.0, 2.0]), 4, "linear", 0), [1.0, 2.0])
    np.testing.assert_array_equal(codebook(np.array([1.0, 3.0]), 1, "linear", 0), [2.0])


def test_the_seed_decides_only_where_it_is_drawn() -> None:
    values = weights(300)
    for init in INITS:
        first, again, other = (codebook(values, 8, init, seed) for seed in (1, 1, 2))
        np.testing.assert_array_equal(first, again)
        assert np.array_equal(first, other) == (init != "kmeans++")
