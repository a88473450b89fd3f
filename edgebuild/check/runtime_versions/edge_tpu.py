"""What the Edge TPU compiler maps to the Edge TPU.

Source: Coral, "TensorFlow models on the Edge TPU": the requirements and the table of supported operations with their
limitations (coral.ai/docs/edgetpu/models-intro). Only limits that a file shows are checked: what depends on an
operation's options (dilation, reduced axes, strides of a slice) is for the compiler itself to say.
"""

from __future__ import annotations

import math

from edgebuild.check.census.model import OperationRecord, TensorRecord
from edgebuild.check.wiring import Wiring

SUPPORTED = frozenset(
    {
        "ADD",
        "AVERAGE_POOL_2D",
        "CONCATENATION",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "EXPAND_DIMS",
        "FULLY_CONNECTED",
        "L2_NORMALIZATION",
        "LOGISTIC",
        "LSTM",
        "MAXIMUM",
        "MAX_POOL_2D",
        "MEAN",
        "MINIMUM",
        "MUL",
        "PACK",
        "PAD",
        "PRELU",
        "QUANTIZE",
        "REDUCE_MAX",
        "REDUCE_MIN",
        "RELU",
        "RELU6",
        "RELU_N1_TO_1",
        "RESHAPE",
        "RESIZE_BILINEAR",
        "RESIZE_NEAREST_NEIGHBOR",
        "RSQRT",
        "SLICE",
        "SOFTMAX",
        "SPACE_TO_DEPTH",
        "SPLIT",
        "SQUARED_DIFFERENCE",
        "SQUEEZE",
        "STRIDED_SLICE",
        "SUB",
        "SUM",
        "TANH",
        "TRANSPOSE",
        "TRANSPOSE_CONV",
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
    }
)
"""Builtin operations of compiler version 16."""

SOFTMAX_ELEMENTS = 16_000
DIMENSIONS = 3
"""Only the innermost three dimensions of a tensor may be larger than 1."""

_INTEGER = frozenset({"int8", "uint8"})


def reason_against(operation: OperationRecord, wiring: Wiring) -> str | None:
    """Why the operation cannot run on the Edge TPU; None where nothing in the file speaks against it."""
    if operation.name not in SUPPORTED:
        return "is not among the supported operations"
    tensors = [*wiring.computed_inputs(operation), *wiring.outputs(operation)]
    return _type_reason(tensors) or _shape_reason(tensors) or _size_reason(operation, wiring)


def _type_reason(tensors: list[TensorRecord]) -> str | None:
    other = [tensor for tensor in tensors if tensor.dtype not in _INTEGER]
    return f"computes in {other[0].dtype}, expected int8 or uint8" if other else None


def _shape_reason(tensors: list[TensorRecord]) -> str | None:
    for tensor in tensors:
        if any(size < 1 for size in tensor.shape):
            return f"has a dynamic shape {list(tensor.shape)}"
        if any(size > 1 for size in tensor.shape[:-DIMENSIONS]):
            return f"has shape {list(tensor.shape)}: only the innermost {DIMENSIONS} dimensions may be larger than 1"
    return None


def _size_reason(operation: OperationRecord, wiring: Wiring) -> str | None:
    if operation.name != "SOFTMAX":
        return None
    elements = max(math.prod(tensor.shape) for tensor in wiring.computed_inputs(operation))
    return f"has {elements} elements, at most {SOFTMAX_ELEMENTS} are supported" if elements > SOFTMAX_ELEMENTS else None
