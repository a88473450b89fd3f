"""Layers whose weights have another type than the file's other ones, and the part of the file that follows from it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from edgebuild.check.census.model import Census, OperationRecord, TensorRecord
from edgebuild.check.kinds import is_dequantize, is_quantize
from edgebuild.check.wiring import STORED, Wiring

FLOATS = frozenset({"float64", "float32", "bfloat16", "float16"})


def owner(name: str | None, layers: Iterable[str]) -> str | None:
    """That of `layers` which `name` is, or is an operation of (`block.linear` of `block`); None where there is none."""
    if name is None:
        return None
    return next((layer for layer in layers if name == layer or name.startswith(f"{layer}.")), None)


def computes_in_float(census: Census, wiring: Wiring, layers: Collection[str]) -> frozenset[int]:
    """The operations that compute in floating point because `layers` do; indices.

    They are those with the layers' weights, and what has no weight and no integers and hands tensors to them or takes
    theirs: between two such layers nothing needs to be quantized.
    """
    if not layers:
        return frozenset()
    found = {operation.index: operation for operation in census.operations if _is_of(operation, wiring, layers)}
    row = list(found.values())
    while row:
        operation = row.pop()
        for near in _neighbours(operation, wiring):
            if near.index not in found and _is_free(near, wiring):
                found[near.index] = near
                row.append(near)
    return frozenset(found)


def _is_of(operation: OperationRecord, wiring: Wiring, layers: Collection[str]) -> bool:
    weights = [tensor for tensor in wiring.inputs(operation) if tensor.role == "weight"]
    return any(tensor.dtype in FLOATS and owner(tensor.layer, layers) is not None for tensor in weights)


def _is_free(operation: OperationRecord, wiring: Wiring) -> bool:
    """True for what only passes floating-point numbers on: no weight, no change of type."""
    if is_quantize(operation) or is_dequantize(operation):
        return False
    return all(tensor.role != "weight" for tensor in wiring.inputs(operation))


def _neighbours(operation: OperationRecord, wiring: Wiring) -> list[OperationRecord]:
    makers = [wiring.producer[t.index] for t in wiring.computed_inputs(operation) if _hands_over(t, wiring)]
    made = [tensor for tensor in wiring.outputs(operation) if tensor.dtype in FLOATS]
    return makers + [reader for tensor in made for reader in wiring.consumers.get(tensor.index, [])]


def _hands_over(tensor: TensorRecord, wiring: Wiring) -> bool:
    return tensor.dtype in FLOATS and tensor.role not in STORED and tensor.index in wiring.producer
