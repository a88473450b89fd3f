"""Give the convolutions of a full-integer file one weight scale each, as compilers for some accelerators want.

The calibrator can do that itself, except where a DEPTHWISE_CONV_2D is in the model: there it fails.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from edgebuild.runtime.litert_flatbuffer import (
    operator_name,
    parse_model,
    quantization,
    serialize_model,
    stored_bytes,
    tensor_name,
    tensor_shape,
    type_name,
)

_LARGEST = 127
"""Weights are symmetric: -127 to 127, zero point 0."""

_POSITIONS: Mapping[str, tuple[int, int, int]] = {
    "CONV_2D": (0, 1, 2),
    "DEPTHWISE_CONV_2D": (0, 1, 2),
    "CONV_3D": (0, 1, 2),
    "TRANSPOSE_CONV": (2, 1, 3),
}
"""operation -> positions of its data, weight and bias"""


def one_scale_per_tensor(quantized: bytes, source: bytes, label: str) -> bytes:
    """Quantize every per-channel weight of `quantized` again, from `source` (the float file it was made from).

    The bias follows, because its scale is that of the data times that of the weight. Activations stay as they are.
    """
    model, exact = parse_model(quantized, label), parse_model(source, label)
    graph = model.subgraphs[0]
    values = {tensor_name(tensor): _real(exact, tensor) for tensor in exact.subgraphs[0].tensors}
    readers = Counter(int(index) for operator in graph.operators for index in operator.inputs)
    for operator in graph.operators:
        data, weight, bias = _POSITIONS.get(operator_name(model, operator), (0, 0, 0))
        if not weight or stored_bytes(model, graph.tensors[operator.inputs[weight]]) is None:
            continue
        tensor = graph.tensors[operator.inputs[weight]]
        if type_name(tensor.type) == "float32":  # a layer that stays in floating point
            continue
        real = values[tensor_name(tensor)]
        scale = float(np.max(np.abs(real))) / _LARGEST or 1.0
        _store(model, tensor, real, scale)
        if bias < len(operator.inputs) and operator.inputs[bias] >= 0:
            if readers[int(operator.inputs[bias])] > 1:
                _own_copy(model, graph, operator, bias)
            tensor = graph.tensors[operator.inputs[bias]]
            step = quantization(graph.tensors[operator.inputs[data]])[0][0]
            _store(model, tensor, values[tensor_name(tensor)], step * scale)
    return serialize_model(model)


def _real(model: Any, tensor: Any) -> np.ndarray:
    stored = stored_bytes(model, tensor)
    if stored is None or type_name(tensor.type) != "float32":
        return np.zeros(0)
    return np.ascontiguousarray(stored).view(np.float32).astype(np.float64).reshape(tensor_shape(tensor))


def _store(model: Any, tensor: Any, real: np.ndarray, scale: float) -> None:
    """Write `real` in steps of `scale`, in the tensor's own integer type."""
    limits = np.iinfo(type_name(tensor.type))
    steps = np.clip(np.rint(real / scale), -limits.max, limits.max).astype(limits.dtype)
    model.buffers[tensor.buffer].data = np.frombuffer(steps.tobytes(), np.uint8)
    tensor.quantization = copy.copy(tensor.quantization)
    tensor.quantization.scale = np.array([scale], np.float32)
    tensor.quantization.zeroPoint = np.array([0], np.int64)
    tensor.quantization.quantizedDimension = 0
    tensor.quantization.min = tensor.quantization.max = None


def _own_copy(model: Any, graph: Any, operator: Any, position: int) -> None:
    """Give an operation its own copy of a tensor that others read too (equal biases are stored once)."""
    tensor = copy.copy(graph.tensors[operator.inputs[position]])
    model.buffers.append(copy.copy(model.buffers[tensor.buffer]))
    tensor.buffer = len(model.buffers) - 1
    graph.tensors.append(tensor)
    inputs = np.array(operator.inputs, np.int32)
    inputs[position] = len(graph.tensors) - 1
    operator.inputs = inputs
