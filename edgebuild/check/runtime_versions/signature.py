"""The operation version that an operation's own types need, whatever version the file states.

Quantizers that edit a file leave the version at 1 (`ai_edge_quantizer` does), so the stated version alone would let a
file pass that an old runtime computes wrongly. Source of the numbers: tensorflow/tensorflow,
tensorflow/compiler/mlir/lite/tools/versioning/op_version.cc. Only what types and granularity decide is here; what
depends on an operation's options is not, and for that the stated version is all there is.
"""

from __future__ import annotations

from edgebuild.check.census.model import OperationRecord, TensorRecord
from edgebuild.check.wiring import STORED, Wiring

_BY_ACTIVATION: dict[str, dict[str, int]] = {
    "ADD": {"int8": 2, "int16": 3},
    "ARG_MAX": {"int8": 2, "bool": 3},
    "ARG_MIN": {"int8": 2, "bool": 3},
    "AVERAGE_POOL_2D": {"int8": 2, "int16": 3},
    "BATCH_MATMUL": {"int8": 2, "int16": 3},
    "BATCH_TO_SPACE_ND": {"int8": 2, "int16": 4},
    "CONCATENATION": {"int8": 2, "int16": 3, "uint32": 4},
    "GATHER": {"int8": 2, "bool": 3, "int16": 4, "int4": 7},
    "L2_NORMALIZATION": {"int8": 2},
    "LEAKY_RELU": {"int16": 2},
    "LOGISTIC": {"int8": 2, "int16": 3},
    "MAXIMUM": {"int8": 2, "int16": 4},
    "MAX_POOL_2D": {"int8": 2, "int16": 3},
    "MEAN": {"int8": 2, "int16": 3},
    "MINIMUM": {"int8": 2, "int16": 4},
    "MIRROR_PAD": {"int8": 2, "int16": 3},
    "MUL": {"int8": 2, "int16": 4, "int64": 5},
    "PACK": {"int8": 2, "int16": 3, "uint32": 4},
    "PAD": {"int8": 2, "int16": 3},
    "PADV2": {"int8": 2, "int16": 3},
    "REDUCE_MAX": {"int8": 2, "int16": 3},
    "REDUCE_MIN": {"int8": 2, "int16": 3},
    "RELU": {"int8": 2, "uint8": 2, "int16": 3},
    "RELU6": {"int8": 2, "int16": 3},
    "RESIZE_BILINEAR": {"int8": 2, "int16": 4},
    "RESIZE_NEAREST_NEIGHBOR": {"int8": 2, "int16": 4},
    "RSQRT": {"int8": 2, "int16": 3},
    "SLICE": {"int8": 2, "int16": 4, "uint32": 6},
    "SOFTMAX": {"int8": 2, "int16": 3},
    "SPACE_TO_BATCH_ND": {"int8": 2, "int16": 4},
    "SPLIT": {"int8": 2, "int32": 3, "int16": 4},
    "STRIDED_SLICE": {"int8": 2, "bool": 3, "uint32": 7},
    "SUB": {"int8": 2, "int64": 4, "int16": 5},
    "TANH": {"int8": 2, "int16": 3},
    "TRANSPOSE": {"int8": 2, "bool": 3, "int16": 5},
    "UNPACK": {"int8": 2, "uint8": 2, "bool": 3, "int16": 4},
}
"""operation -> type of its first computed input -> version"""

_BY_WEIGHT: dict[str, dict[tuple[str, str, bool], int]] = {
    "CONV_2D": {
        ("int8", "int8", True): 3,
        ("int8", "int8", False): 3,
        ("int8", "int4", True): 7,
        ("int8", "int4", False): 7,
        ("float32", "int8", False): 2,
        ("float32", "int8", True): 5,
    },
    "DEPTHWISE_CONV_2D": {
        ("int8", "int8", True): 3,
        ("int8", "int8", False): 3,
        ("int8", "int4", True): 7,
        ("int8", "int4", False): 7,
        ("float32", "int8", False): 4,
        ("float32", "int8", True): 6,
    },
    "FULLY_CONNECTED": {
        ("int8", "int8", True): 4,
        ("int8", "int8", False): 4,
        ("int8", "int4", True): 10,
        ("int8", "int4", False): 10,
        ("int16", "int4", True): 13,
        ("int16", "int4", False): 13,
        ("float32", "int8", False): 3,
        ("float32", "int8", True): 12,
    },
    "TRANSPOSE_CONV": {("int8", "int8", True): 2, ("int8", "int8", False): 2},
}
"""operation -> (type of the activation, type of the weight, per channel) -> version"""

_DEQUANTIZE = {"int8": 2, "int16": 3, "float16": 3, "int4": 6}
_FIVE_DIMENSIONS = {"TRANSPOSE": 4, "PAD": 4, "PADV2": 4, "SLICE": 5, "STRIDED_SLICE": 4}
_MANY_DIMENSIONS = 5


def version_by_types(operation: OperationRecord, wiring: Wiring) -> int:
    """The lowest version of the operation that covers the types it has in this file; 1 where types do not matter."""
    inputs = wiring.inputs(operation)
    if not inputs:
        return 1
    if operation.name in _BY_WEIGHT:
        return _with_weight(operation, inputs)
    if operation.name == "DEQUANTIZE":
        return 5 if inputs[0].dtype == "int8" and len(inputs[0].scale) > 1 else _DEQUANTIZE.get(inputs[0].dtype, 1)
    computed = [tensor for tensor in inputs if tensor.role not in STORED] or inputs
    version = _BY_ACTIVATION.get(operation.name, {}).get(computed[0].dtype, 1)
    if max(len(tensor.shape) for tensor in computed) >= _MANY_DIMENSIONS:
        version = max(version, _FIVE_DIMENSIONS.get(operation.name, 1))
    return version


def _with_weight(operation: OperationRecord, inputs: list[TensorRecord]) -> int:
    weights = [tensor for tensor in inputs if tensor.role == "weight"]
    computed = [tensor for tensor in inputs if tensor.role not in STORED]
    if not weights or not computed:
        return 1
    key = (computed[0].dtype, weights[0].dtype, len(weights[0].scale) > 1)
    return _BY_WEIGHT[operation.name].get(key, 1)
