"""The operations of an exported file as the predictor of times takes them, from the shapes in its census."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from edgebuild.check.census.model import Census, OperationRecord, TensorRecord
from edgebuild.check.channels import output_channels
from edgebuild.check.kinds import is_reshape, is_transpose
from edgebuild.check.wiring import STORED, Wiring
from edgebuild.estimate.predictor.workload import Kind, Operation, Workload

_WIDTHS: Mapping[str, float] = MappingProxyType(
    {"float64": 8, "int64": 8, "float32": 4, "int32": 4, "float16": 2, "bfloat16": 2, "int16": 2, "int4": 0.5}
)
"""Bytes of a number; one for every other type."""

_WORDS: tuple[tuple[tuple[str, ...], Kind], ...] = (
    (("batch_matmul", "batchmatrixmultiply", "::bmm", "::mm"), "matrix"),
    (("fully_connected", "fullyconnected", "::linear", "::addmm"), "dense"),
    (("pool", "mean", "reduce", "argmax"), "pooling"),
    (("concat", "pad", "slice", "split", "gather", "pack", "tile", "::cat", "copy", "clone", "resize"), "movement"),
    (("add", "mul", "sub", "div", "maximum", "minimum", "binary", "squared_difference"), "elementwise"),
)
"""Words in the names of operations, in lower case -> kind, the first that fits."""


def workload_of(census: Census) -> Workload:
    """Everything that one inference of the file computes; operations on sizes of shapes are left out."""
    wiring = Wiring(census)
    operations = [
        _operation(operation, wiring)
        for operation in census.operations
        if operation.outputs and any(tensor.role not in STORED for tensor in wiring.outputs(operation))
    ]
    return Workload(tuple(operations), dtype_of(census))


def dtype_of(census: Census) -> str:
    """What `export.dtype` would call the file, by the types of most weights and of the activations."""
    weights = dict.fromkeys(("float32", "float16", "int8", "int4"), 0)
    for tensor in census.weights:
        weights[tensor.dtype] = weights.get(tensor.dtype, 0) + math.prod(tensor.shape)
    most = max(weights, key=lambda name: weights[name])
    inner = [tensor.dtype for tensor in census.tensors if tensor.role == "activation"]
    computed = max(sorted(set(inner)), key=inner.count, default="float32")
    if most.startswith("float"):
        return {"float16": "fp16"}.get(most, "fp32")
    if computed == "int16":
        return "int16x8"
    return most if computed in ("int8", "uint8") else f"{most}-dynamic"


def _operation(operation: OperationRecord, wiring: Wiring) -> Operation:
    read, made = wiring.computed_inputs(operation), wiring.outputs(operation)
    stored = [tensor for tensor in wiring.inputs(operation) if tensor.role in STORED]
    weight = next((tensor for tensor in stored if tensor.role == "weight"), None)
    kind = _kind(operation, weight, len(read))
    return Operation(
        kind=kind,
        macs=_macs(kind, operation, weight, read, made),
        moved_bytes=_bytes((*read, *made)),
        weight_bytes=_bytes(stored),
    )


def _kind(operation: OperationRecord, weight: TensorRecord | None, operands: int) -> Kind:
    name = operation.name.lower()
    if is_reshape(operation) or is_transpose(operation):
        return "movement"
    if "conv" in name and "convert" not in name and weight is not None:
        if "depthwise" in name:
            return "depthwise"
        return "pointwise" if _taps(weight) == 1 else "convolution"
    for words, kind in _WORDS:
        if any(word in name for word in words):
            return kind
    return "elementwise" if operands > 1 else "activation"


def _taps(weight: TensorRecord) -> int:
    """Numbers of a kernel for one input channel; weights of both formats have their channels at the ends."""
    return math.prod(weight.shape[1:-1])


def _macs(
    kind: Kind,
    operation: OperationRecord,
    weight: TensorRecord | None,
    read: list[TensorRecord],
    made: list[TensorRecord],
) -> int:
    size = math.prod(made[0].shape) if made else 0
    if weight is not None and kind in ("convolution", "pointwise", "depthwise", "dense"):
        if "transpose" in operation.name.lower() and read:  # every number of its input meets every kernel
            return math.prod(read[0].shape) // max(weight.shape[-1], 1) * math.prod(weight.shape)
        return size // max(output_channels(weight, operation), 1) * math.prod(weight.shape)
    if kind == "matrix" and read:
        return size * read[0].shape[-1] if read[0].shape else size
    if kind == "pooling":
        window = operation.options.get("filterHeight", 0) * operation.options.get("filterWidth", 0)
        return int(size * window) or sum(math.prod(tensor.shape) for tensor in read)
    return 0


def _bytes(tensors: Iterable[TensorRecord]) -> int:
    return int(sum(math.prod(tensor.shape) * _WIDTHS.get(tensor.dtype, 1) for tensor in tensors))
