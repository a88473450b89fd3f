"""The lowest version in which an operation means what it means in this file, by its types and by its options.

Source: tensorflow/tensorflow, tensorflow/compiler/mlir/lite/tools/versioning/op_version.cc. Only operations of which
every condition there is known here have an answer, and only for float32, int8 and uint8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edgebuild.check.census.model import OperationRecord
from edgebuild.check.runtime_versions.signature import version_by_types
from edgebuild.check.wiring import Wiring

_ORDINARY = frozenset({"float32", "int8", "uint8", "int32"})
_CHANNELS_LAST = -1
_WITHOUT_BIAS = 2
_WITH_BIAS = 4

_BY_TYPES = frozenset(
    {
        "ADD",
        "AVERAGE_POOL_2D",
        "CONCATENATION",
        "EXPAND_DIMS",
        "L2_NORMALIZATION",
        "LOGISTIC",
        "MAX_POOL_2D",
        "MEAN",
        "PACK",
        "PAD",
        "REDUCE_MAX",
        "REDUCE_MIN",
        "RELU",
        "RELU6",
        "RESHAPE",
        "RSQRT",
        "SLICE",
        "SOFTMAX",
        "SQUEEZE",
        "TANH",
        "TRANSPOSE",
    }
)
"""Operations whose version follows from types and number of dimensions alone."""


def _convolution(operation: OperationRecord, wiring: Wiring) -> int:
    data, weight = wiring.inputs(operation)[:2]
    grouped = data.shape[_CHANNELS_LAST] != weight.shape[_CHANNELS_LAST]
    return 6 if grouped else version_by_types(operation, wiring)


def _depthwise(operation: OperationRecord, wiring: Wiring) -> int:
    dilated = any(operation.options.get(f"dilation{axis}Factor", 1) != 1 for axis in "HW")
    return max(version_by_types(operation, wiring), 2 if dilated else 1)


def _fully_connected(operation: OperationRecord, wiring: Wiring) -> int:
    if len(operation.inputs) == _WITHOUT_BIAS:
        return 6
    return max(version_by_types(operation, wiring), 5 if operation.options.get("keepNumDims") else 1)


def _transpose_convolution(operation: OperationRecord, wiring: Wiring) -> int:
    if operation.options.get("fusedActivationFunction"):
        return 4
    return max(version_by_types(operation, wiring), 3 if len(operation.inputs) == _WITH_BIAS else 1)


def _strided_slice(operation: OperationRecord, wiring: Wiring) -> int:
    if operation.options.get("offset"):
        return 8
    masked = operation.options.get("ellipsisMask") or operation.options.get("newAxisMask")
    return 6 if masked else version_by_types(operation, wiring)


def _resize(operation: OperationRecord, wiring: Wiring) -> int:
    moved = operation.options.get("halfPixelCenters") or operation.options.get("alignCorners")
    return max(version_by_types(operation, wiring), 3 if moved else 1)


_BY_OPTIONS: Mapping[str, Callable[[OperationRecord, Wiring], int]] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _fully_connected,
    "TRANSPOSE_CONV": _transpose_convolution,
    "STRIDED_SLICE": _strided_slice,
    "RESIZE_BILINEAR": _resize,
    "RESIZE_NEAREST_NEIGHBOR": _resize,
}


def lowest_version(operation: OperationRecord, wiring: Wiring) -> int | None:
    """The lowest version that means the same; None where that is not known."""
    tensors = [*wiring.inputs(operation), *wiring.outputs(operation)]
    if not tensors or any(tensor.dtype not in _ORDINARY for tensor in tensors):
        return None
    if operation.name in _BY_TYPES:
        return version_by_types(operation, wiring)
    rule = _BY_OPTIONS.get(operation.name)
    return None if rule is None or len(wiring.inputs(operation)) < 2 else rule(operation, wiring)
