"""Tensors and operations of the TOSA graph behind an Ethos-U delegate as records of a census."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edgebuild.check.census.model import OperationRecord, Role, TensorRecord
from edgebuild.check.census.pte_tensors import integers, statistics, zero_places
from edgebuild.check.census.tosa_steps import WEIGHTED, steps_of
from edgebuild.runtime.ethos_u_payload import BACKEND
from edgebuild.runtime.tosa_file import Steps, TosaGraph, TosaTensor

_DTYPES = {"int4": "int4", "int48": "int64", "fp32": "float32", "fp16": "float16", "shape": "int64"}
"""TOSA's name -> the census's, where they differ. 48-bit integers are stored in 64."""
_CONSTANTS = ("CONST", "CONST_SHAPE")
_DEPTHWISE = "DEPTHWISE_CONV2D"


def tosa_records(
    graph: TosaGraph, outer: Sequence[int], first_tensor: int, first_operation: int
) -> tuple[list[TensorRecord], list[OperationRecord]]:
    """The records of one delegate.

    The kernel of a depthwise convolution, which TOSA stores as height, width, channels, multiplier, is recorded as one
    channel each of `channels x multiplier` outputs, like everywhere else in a census.

    Args:
        graph: that the delegate was compiled from.
        outer: indices of the program's tensors that go in and come out, in the graph's order.
        first_tensor: index of the first new tensor record.
        first_operation: index of the first operation record.
    """
    index_of = dict(zip((*graph.inputs, *graph.outputs), outer, strict=True))
    inner = [name for name in graph.tensors if name not in index_of]
    index_of |= {name: first_tensor + position for position, name in enumerate(inner)}
    roles, owners, kinds = _roles(graph)
    steps = steps_of(graph)
    tensors = [
        _record(
            graph.tensors[name],
            index_of[name],
            (roles.get(name, "activation"), owners.get(name), kinds.get(name)),
            steps.get(name),
        )
        for name in inner
    ]
    computing = [operator for operator in graph.operators if operator.name not in _CONSTANTS]
    operations = [
        OperationRecord(
            index=first_operation + position,
            name=operator.name,
            version=1,
            layer=operator.layer,
            delegate=BACKEND,
            inputs=tuple(index_of[name] for name in operator.inputs if name in index_of),
            outputs=tuple(index_of[name] for name in operator.outputs if name in index_of),
        )
        for position, operator in enumerate(computing)
    ]
    return tensors, operations


def _roles(graph: TosaGraph) -> tuple[dict[str, Role], dict[str, str | None], dict[str, str]]:
    """Roles, layers and reading operations of the stored tensors; layers of the computed ones."""
    roles: dict[str, Role] = {}
    owners: dict[str, str | None] = {}
    kinds: dict[str, str] = {}
    for operator in graph.operators:
        owners.update(dict.fromkeys(operator.outputs, operator.layer))
    for operator in graph.operators:
        for position, name in enumerate(operator.inputs):
            tensor = graph.tensors.get(name)
            if tensor is None or not tensor.data:
                continue
            weighted = operator.name in WEIGHTED and position in (1, 2)
            roles[name] = "constant" if not weighted else "weight" if position == 1 else "bias"
            owners[name], kinds[name] = operator.layer, operator.name
    return roles, owners, kinds


def _record(
    tensor: TosaTensor, index: int, use: tuple[Role, str | None, str | None], steps: Steps | None
) -> TensorRecord:
    """One tensor; `use` is its role, its layer and the operator that reads it, where it is stored."""
    role, layer, kind = use
    dtype = _DTYPES.get(tensor.dtype, tensor.dtype)
    shape, data = tensor.shape, tensor.data
    axis = 0
    if role == "weight" and kind == _DEPTHWISE and len(shape) == 4 and dtype == "int8":
        height, width, channels, multiplier = shape
        values = np.frombuffer(data, np.int8)[: int(np.prod(shape))].reshape(height, width, channels * multiplier)
        shape, data, axis = (1, height, width, channels * multiplier), values.tobytes(), 3
    record = TensorRecord(index, tensor.name, layer, role, dtype, shape, len(data))
    if steps is not None:
        channels_of = axis if len(steps.scales) > 1 else None
        record = replace(record, scale=steps.scales, zero_point=steps.zero_points, axis=channels_of)
    if role not in ("weight", "bias"):
        return record
    if role == "weight" or dtype == "int32":
        data = data[: int(np.prod(shape)) * np.dtype(dtype).itemsize] if dtype in ("int8", "int32") else data
        digest, total = integers(data, dtype, list(shape), record.scale, record.axis)
        record = replace(record, digest=digest, magnitude=total)
    if role != "weight":
        return record
    sparsity, distinct, along = statistics(data, dtype, shape)
    return replace(
        record, sparsity=sparsity, distinct=distinct, distinct_along=along, zero_places=zero_places(data, dtype)
    )
