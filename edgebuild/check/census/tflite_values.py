"""How many numbers of a weight are zero and where, and how many are different."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from edgebuild.model.weight_values import distinct_along, magnitude, values_digest
from edgebuild.runtime.litert_flatbuffer import quantization, tensor_shape, type_name


def summarize_values(tensor: Any, stored: np.ndarray) -> tuple[float | None, int | None, tuple[int, ...]]:
    """(share of zeros, number of distinct stored values, the same along each dimension) of a weight.

    None and () where its type is not one we can read.

    `stored` are the bytes of the whole weight as uint8. A quantized zero is the zero point of its channel.
    """
    values = _shaped(tensor, stored)
    if values is None:
        return None, None, ()
    return float(np.mean(values == _zero(tensor, values))), int(np.unique(values).size), distinct_along(values)


def zero_places(tensor: Any, stored: np.ndarray) -> bytes:
    """One bit for each number of a weight, set where it is zero; empty where its type is not one we can read."""
    values = _shaped(tensor, stored)
    return b"" if values is None else np.packbits(values == _zero(tensor, values)).tobytes()


def summarize_integers(tensor: Any, stored: np.ndarray) -> tuple[str | None, float | None]:
    """Digest and magnitude of an int8 weight or int32 bias with scales; (None, None) for every other one."""
    scale, _, axis = quantization(tensor)
    if type_name(tensor.type) not in ("int8", "int32") or not scale:
        return None, None
    values = np.ascontiguousarray(stored).view(type_name(tensor.type)).reshape(tensor_shape(tensor))
    return values_digest(values), magnitude(values, np.asarray(scale), axis)


def _shaped(tensor: Any, stored: np.ndarray) -> np.ndarray | None:
    values, elements = _values(stored, type_name(tensor.type)), prod(tensor_shape(tensor))
    if values is None or elements < 1:
        return None
    return values[:elements].reshape(tensor_shape(tensor))


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
