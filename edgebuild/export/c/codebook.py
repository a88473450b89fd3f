"""Weights of few distinct values as 4-bit indices into a table: what 4-bit quantization and clustering leave."""

from __future__ import annotations

import numpy as np

from edgebuild.export.c.convolution import Convolution

ENTRIES = 16
"""Values that an index of 4 bits can name."""


def fits_codebook(convolution: Convolution) -> bool:
    """Whether so few distinct values are among the weights."""
    return np.unique(convolution.weights).size <= ENTRIES


def codebook_of(convolution: Convolution) -> tuple[np.ndarray, np.ndarray]:
    """(int8 [16] values, int8 [out_c, half the depth rounded up] indices: two a byte, the low half first)."""
    values, indices = np.unique(convolution.weights, return_inverse=True)
    table = np.zeros(ENTRIES, np.int8)
    table[: values.size] = values
    rows = indices.reshape(convolution.out_c, -1).astype(np.uint8)
    even = np.pad(rows, ((0, 0), (0, rows.shape[1] % 2)))
    return table, (even[:, ::2] | even[:, 1::2] << 4).view(np.int8)
