"""How many stored values of a weight are zero, and how many are different."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from edgebuild.model.weight_values import distinct_along, magnitude, values_digest
from edgebuild.runtime.litert_flatbuffer import quantization, tensor_shape, type_name


def summarize_values(tensor: Any, stored: np.ndarray) -> tuple[float | None, int | None, tuple[int, ...]]:
    """(share of zeros, number of distinct stored values, the same along each dimension) of a weight.

    None and () where its type is not one we can read; () in sparse encoding.

    `stored` are the bytes as uint8. A quantized zero is the zero point of its channel. In sparse encoding only the
    blocks that are stored count as values, the rest as zeros.
    """
    values = _values(stored, type_name(tensor.type))
    if values is None or not values.size:
        return None, None, ()
    elements = prod(tensor_shape(tensor))
    if elements < 1:
        return None, None, ()
    distinct = int(np.unique(values).size)
    if tensor.sparsity is not None:
        return 1 - int(np.count_nonzero(values)) / elements, distinct, ()
    values = values[:elements].reshape(tensor_shape(tensor))
    return float(np.mean(values == _zero(tensor, values))), distinct, distinct_along(values)


def summarize_integers(tensor: Any, stored: np.ndarray) -> tuple[str | None, float | None]:
    """Digest and magnitude of a dense int8 weight or int32 bias with scales; (None, None) for every other one."""
    scale, _, axis = quantization(tensor)
    if type_name(tensor.type) not in ("int8", "int32") or not scale or tensor.sparsity is not None:
        return None, None
    values = np.ascontiguousarray(stored).view(type_name(tensor.type)).reshape(tensor_shape(tensor))
    return values_digest(values), magnitude(values, np.asarray(scale), axis)


def _zero(tensor: Any, values: np.ndarray) -> np.ndarray:
    _, zero_points, axis = quantization(tensor)
    if not zero_points:
        return np.zeros((), values.dtype)
    if axis is None:
        return np.asarray(zero_points[0])
    shape = [1] * values.ndim
    shape[axis] = len(zero_points)
    return np.asarray(zero_points).reshape(shape)


def _values(stored: np.ndarray, dtype: str) -> np.ndarray | None:
    raw = np.ascontiguousarray(stored)
    if dtype == "int4":
        return _nibbles(raw)
    if dtype in (
        "float16",
        "float32",
        "float64",
        "int8",
        "uint8",
        "int16",
        "uint16",
        "int32",
        "uint32",
        "int64",
        "bool",
    ):
        whole = raw[: len(raw) // np.dtype(dtype).itemsize * np.dtype(dtype).itemsize]
        return whole.view(dtype)
    return None


def _nibbles(raw: np.ndarray) -> np.ndarray:
    """Two values a byte, low nibble first, as two's complement."""
    pairs = np.stack([raw & 0xF, raw >> 4], axis=-1).reshape(-1).astype(np.int8)
    return np.where(pairs > 7, pairs - 16, pairs).astype(np.int8)
