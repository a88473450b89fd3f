"""k-means of numbers: codebooks from weights (Han et al., Deep Compression, ICLR 2016, section 3.1 and 3.2)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_ITERATIONS = 300


def codebook(values: np.ndarray, clusters: int, init: str, seed: int) -> np.ndarray:
    """At most `clusters` centroids of `values`, rising.

    Lloyd's algorithm on sorted numbers: a cluster is a range of them, so that its mean comes from prefix sums and an
    iteration takes as long as finding the borders. A cluster that loses all members starts again at the number that is
    farthest from its centroid. Fewer distinct values than clusters are their own codebook.

    Args:
        values: any shape, finite, at least one.
        clusters: at least 1.
        init: `linear`, `density` or `kmeans++`.
        seed: of `kmeans++`.
    """
    ordered = np.sort(values.astype(np.float64), axis=None)
    distinct = np.unique(ordered)
    if len(distinct) <= clusters:
        return distinct
    centroids = np.sort(_STARTS[init](ordered, clusters, seed))
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    borders = np.full(clusters + 1, -1)
    for _ in range(_ITERATIONS):
        before, borders = borders, _borders(ordered, centroids)
        if np.array_equal(before, borders):
            break
        counts = np.diff(borders)
        means = np.diff(sums[borders]) / np.maximum(counts, 1)
        centroids = np.sort(np.where(counts > 0, means, _far(ordered, means, borders)))
    used: np.ndarray = centroids[np.diff(_borders(ordered, centroids)) > 0]
    return used


def nearest(values: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """Position of the nearest centroid of each value, in its shape; of two as near, the lower one."""
    middles = (centroids[1:] + centroids[:-1]) / 2
    return np.searchsorted(middles, values.astype(np.float64), side="left")


def _borders(ordered: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """Where each cluster begins in the sorted numbers, and the end of all; a number on a middle is the lower one's."""
    middles = (centroids[1:] + centroids[:-1]) / 2
    inner = np.searchsorted(ordered, middles, side="right")
    return np.concatenate([[0], inner, [len(ordered)]])


def _far(ordered: np.ndarray, means: np.ndarray, borders: np.ndarray) -> np.ndarray:
    """For each empty cluster, in order, the number that is next farthest from its centroid; for others their mean."""
    counts = np.diff(borders)
    if counts.all():
        return means
    found = means.copy()
    errors = np.abs(ordered - np.repeat(means, counts))
    for empty in np.flatnonzero(counts == 0):
        place = int(errors.argmax())
        found[empty] = ordered[place]
        errors[ordered == ordered[place]] = -1
    return found


def _linear(ordered: np.ndarray, clusters: int, _seed: int) -> np.ndarray:
    """Evenly spaced; large weights, which are few, get centroids of their own (section 3.2)."""
    return np.linspace(ordered[0], ordered[-1], clusters)


def _density(ordered: np.ndarray, clusters: int, _seed: int) -> np.ndarray:
    """In the middle of shares that have equally many numbers."""
    places = (np.arange(clusters) + 0.5) / clusters * len(ordered)
    return ordered[places.astype(np.int64)]


def _far_apart(ordered: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    """k-means++ (Arthur and Vassilvitskii, 2007): each start is drawn with a chance of its squared distance to others.

    There are more distinct numbers than clusters, so that there is always a distance.
    """
    random = np.random.default_rng(seed)
    chosen = [float(ordered[random.integers(len(ordered))])]
    squares = (ordered - chosen[0]) ** 2
    while len(chosen) < clusters:
        sums = np.cumsum(squares)
        place = int(np.searchsorted(sums, random.random() * sums[-1], side="right"))
        chosen.append(float(ordered[min(place, len(ordered) - 1)]))
        squares = np.minimum(squares, (ordered - chosen[-1]) ** 2)
    return np.array(chosen)


_STARTS: dict[str, Callable[[np.ndarray, int, int], np.ndarray]] = {
    "linear": _linear,
    "density": _density,
    "kmeans++": _far_apart,
}
