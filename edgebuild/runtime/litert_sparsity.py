"""Weights in sparse storage: where the numbers that a .tflite keeps of a tensor stand, and how many bytes they take.

The schema's SparsityParameters: dimensions are walked in `traversalOrder`; each is DENSE, with all of its places, or
SPARSE_CSR, with those that its segments and indices name. The dimensions behind the tensor's own are blocks: the k-th
of them is the inner part of dimension `blockMap[k]`. Everything that is not stored is zero.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from edgebuild.errors import ConfigError

_SPARSE = 1
"""`DimensionType.SPARSE_CSR`."""
_MOST = 2**26
"""Numbers of a tensor that is unpacked at most: what a damaged file claims must not take all memory."""


def dense_values(values: np.ndarray, sparsity: Any, shape: tuple[int, ...]) -> np.ndarray:
    """The whole tensor of `shape`, from its stored `values` [n] and their SparsityParameters.

    Raises:
        ConfigError: they do not fit together.
    """
    try:
        _see_it_fits(math.prod(shape))
        coordinates = _coordinates(sparsity, shape)
        dense = np.zeros(shape, values.dtype)
        dense[coordinates] = values[: len(coordinates[0])]
    except (IndexError, ValueError, ZeroDivisionError, TypeError) as error:
        msg = f"a weight in sparse storage is damaged: {len(values)} numbers do not fill {list(shape)} ({error})"
        raise ConfigError(msg, remedy="copy the file again or export it again") from error
    return dense


def _see_it_fits(count: int) -> None:
    if not 0 <= count <= _MOST:
        msg = f"{count} places are more than the {_MOST} that are read"
        raise ValueError(msg)


def index_bytes(sparsity: Any) -> int:
    """Bytes of the segments and indices."""
    parts = [part for level in sparsity.dimMetadata for part in (level.arraySegments, level.arrayIndices)]
    return sum(np.asarray(part.values).nbytes for part in parts if part is not None)


def _coordinates(sparsity: Any, shape: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """For each dimension of the tensor, the index of every stored number, in the order in which they are stored."""
    order = [int(dimension) for dimension in sparsity.traversalOrder]
    blocked = [] if sparsity.blockMap is None else [int(dimension) for dimension in sparsity.blockMap]
    sizes = {dimension: int(level.denseSize) for dimension, level in zip(order, sparsity.dimMetadata, strict=True)}
    along: dict[int, np.ndarray] = {}
    parents = 1
    for dimension, level in zip(order, sparsity.dimMetadata, strict=True):
        if level.format == _SPARSE:
            segments = np.asarray(level.arraySegments.values, np.int64)
            counts = segments[1:] - segments[:-1]
            indices = np.asarray(level.arrayIndices.values, np.int64)
        else:
            _see_it_fits(parents * int(level.denseSize))
            counts = np.full(parents, int(level.denseSize))
            indices = np.tile(np.arange(int(level.denseSize)), parents)
        if len(counts) != parents or int(counts.sum()) != len(indices):
            msg = f"dimension {dimension} has {len(indices)} indices in {len(counts)} segments of {parents}"
            raise ValueError(msg)
        along = {known: np.repeat(values, counts) for known, values in along.items()}
        along[dimension] = indices
        parents = len(indices)
    for number, dimension in enumerate(blocked):
        inner = len(shape) + number
        along[dimension] = along[dimension] * sizes[inner] + along[inner]
    if any(int(along[dimension].min(initial=0)) < 0 for dimension in range(len(shape))):
        msg = "an index is negative"
        raise ValueError(msg)
    return tuple(along[dimension] for dimension in range(len(shape)))
