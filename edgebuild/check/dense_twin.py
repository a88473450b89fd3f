"""Proof that a file with sparse weights is the same model as its twin without: number by number, and smaller."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.check.finding import Finding
from edgebuild.check.rules.sparse_storage import CODE
from edgebuild.check.wording import count, listing
from edgebuild.figure import format_value
from edgebuild.runtime.litert_flatbuffer import (
    operator_name,
    quantization,
    read_model,
    stored_bytes,
    tensor_name,
    tensor_shape,
    type_name,
)
from edgebuild.runtime.litert_sparsity import dense_values

_UNPACKS = "DENSIFY"


def twin_findings(file: Path, dense: Path) -> list[Finding]:
    """Hold `file` against `dense`, both .tflite: a note where they are one model and `file` is the smaller one.

    Every stored tensor of the twin must be in the file, as it is or behind a DENSIFY, with the same type, shape,
    quantization and numbers, and every operation in the same place.
    """
    model, twin = read_model(file), read_model(dense)
    size, whole = file.stat().st_size, dense.stat().st_size
    ours, theirs = _stored(model), _stored(twin)
    different = [name for name, tensor in theirs.items() if ours.get(name) != tensor]
    if different or ours.keys() != theirs.keys():
        names = listing(different or sorted(ours.keys() - theirs.keys()))
        return [Finding(CODE, f"{file.name} and its dense twin do not have the same numbers in {names}")]
    if _operations(model) != _operations(twin):
        return [Finding(CODE, f"{file.name} and its dense twin do not have the same operations")]
    if size >= whole:
        return [Finding(CODE, f"{file.name} has {size} B, no less than the {whole} B of its dense twin")]
    sparse = sum(tensor.sparsity is not None for graph in model.subgraphs for tensor in graph.tensors)
    message = (
        f"{count(sparse, 'weight')} stored sparsely: {format_value(size, 'B')} instead of {format_value(whole, 'B')}, "
        "unpacked to the same numbers; the runtime holds them dense in memory and runs no faster"
    )
    return [Finding(CODE, message, severity="note")]


def _stored(model: Any) -> dict[str, tuple[Any, ...]]:
    """Name of each stored tensor, of a sparse one the name behind its DENSIFY -> type, shape, quantization, bytes."""
    found = {}
    for graph in model.subgraphs:
        unpacked = {
            int(operator.inputs[0]): graph.tensors[int(operator.outputs[0])]
            for operator in graph.operators
            if operator_name(model, operator) == _UNPACKS
        }
        for index, tensor in enumerate(graph.tensors):
            stored = stored_bytes(model, tensor)
            if stored is not None:
                as_dense = unpacked.get(index, tensor)
                meaning = (type_name(tensor.type), tensor_shape(tensor), quantization(as_dense))
                found[tensor_name(as_dense)] = (*meaning, _whole(tensor, stored))
    return found


def _whole(tensor: Any, stored: np.ndarray) -> bytes:
    dtype = type_name(tensor.type)
    if dtype not in np.sctypeDict:
        return stored.tobytes()
    values = np.ascontiguousarray(stored).view(dtype)
    if tensor.sparsity is None:
        return _unsigned_zeros(values)
    return _unsigned_zeros(dense_values(values, tensor.sparsity, tensor_shape(tensor)))


def _unsigned_zeros(values: np.ndarray) -> bytes:
    """The bytes, with every float zero a positive one: pruning leaves negative ones, which compare as equal."""
    return np.asarray(values + values.dtype.type(0)).tobytes()


def _operations(model: Any) -> list[tuple[str, list[str], list[str]]]:
    """Every operation but DENSIFY with the names of what it reads and makes, in file order."""
    return [
        (
            operator_name(model, operator),
            [tensor_name(graph.tensors[int(index)]) if index >= 0 else "" for index in operator.inputs],
            [tensor_name(graph.tensors[int(index)]) for index in operator.outputs],
        )
        for graph in model.subgraphs
        for operator in graph.operators
        if operator_name(model, operator) != _UNPACKS
    ]
