"""Which weights of a file can have 4 bits, and why the others cannot."""

from __future__ import annotations

from edgebuild.check.census.model import OperationRecord, TensorRecord

GROUP = 32
"""Weights along the inputs of a linear layer that share a scale in a .pte."""

FOUR_BITS = frozenset({"int4-weight-only", "int4-dynamic"})
"""The dtypes of export that ask for them."""

_TFLITE = frozenset({"CONV_2D", "FULLY_CONNECTED", "BATCH_MATMUL", "EMBEDDING_LOOKUP"})
_XNNPACK = "XNNFullyConnected"


def obstacle(weight: TensorRecord, reader: OperationRecord | None) -> str | None:
    """Why the operation that computes with the weight takes no 4 bits; None where it does."""
    if reader is None:
        return "no operation reads it"
    if reader.name in _TFLITE:
        return None
    if reader.name != _XNNPACK:
        return f"{reader.name} has no kernel for 4 bits"
    inputs = weight.shape[-1]
    return f"its {inputs} inputs are no multiple of {GROUP}" if inputs % GROUP else None


def packed_bytes(weight: TensorRecord) -> int:
    """Two weights a byte."""
    count = 1
    for size in weight.shape:
        count *= size
    return (count + 1) // 2
