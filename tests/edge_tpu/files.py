"""Small .tflite files written operation by operation, so that each can have exactly one thing wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgebuild.runtime.litert_flatbuffer import serialize_model

OPTIONS = {
    "ADD": "AddOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "CONCATENATION": "ConcatenationOptions",
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "PACK": "PackOptions",
    "RESHAPE": "ReshapeOptions",
    "SOFTMAX": "SoftmaxOptions",
    "SPLIT": "SplitOptions",
    "STRIDED_SLICE": "StridedSliceOptions",
    "SUM": "ReducerOptions",
    "TRANSPOSE_CONV": "TransposeConvOptions",
}


class Net:
    """One graph: tensors first, then operations in order; `data` makes a bytes of the file."""

    def __init__(self) -> None:
        self._model = schema.ModelT()
        self._model.version = 3
        self._model.buffers = [schema.BufferT()]
        self._model.operatorCodes = []
        self._graph = schema.SubGraphT()
        self._graph.tensors, self._graph.operators = [], []
        self._graph.inputs, self._graph.outputs = [], []
        self._model.subgraphs = [self._graph]

    def tensor(
        self,
        shape: Sequence[int],
        dtype: str = "int8",
        *,
        scales: int | None = None,
        axis: int = 0,
        stored: Any = None,
        name: str = "",
        scale: float = 0.05,
    ) -> int:
        """Add a tensor; 8-bit ones have one scale unless `scales` says how many (0 for none)."""
        tensor = schema.TensorT()
        tensor.shape = np.array(shape, np.int32)
        tensor.type = getattr(schema.TensorType, dtype.upper())
        tensor.name = (name or f"t{len(self._graph.tensors)}").encode()
        count = scales if scales is not None else int(dtype in ("int8", "uint8"))
        if count:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = np.full(count, scale, np.float32)
            tensor.quantization.zeroPoint = np.zeros(count, np.int64)
            tensor.quantization.quantizedDimension = axis
        if stored is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.asarray(stored, dtype).tobytes(), np.uint8)
            tensor.buffer = len(self._model.buffers)
            self._model.buffers.append(buffer)
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def leave_open(self, tensor: int, signature: Sequence[int]) -> None:
        """Say which sizes of a tensor any caller may choose."""
        self._graph.tensors[tensor].shapeSignature = np.array(signature, np.int32)

    def constant(self, values: Any, dtype: str = "int32") -> int:
        """Add stored integers: axes, paddings, strides."""
        array = np.asarray(values, dtype)
        return self.tensor(array.shape, dtype, stored=array)

    def weight(self, shape: Sequence[int], *, scales: int = 1, axis: int = 0) -> int:
        """Add an int8 weight of small repeating numbers."""
        values = np.resize(np.arange(-7, 8, dtype=np.int8), shape)
        return self.tensor(shape, scales=scales, axis=axis, stored=values, scale=0.01)

    def operation(
        self, name: str, inputs: Sequence[int], outputs: Sequence[int], version: int = 1, **options: Any
    ) -> int:
        """Add an operation and return its first output, or its first input where it makes nothing."""
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = version
        self._model.operatorCodes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self._model.operatorCodes) - 1
        operator.inputs = np.array(inputs, np.int32)
        operator.outputs = np.array(outputs, np.int32)
        if name in OPTIONS:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, OPTIONS[name])
            operator.builtinOptions = getattr(schema, f"{OPTIONS[name]}T")()
            for key, value in options.items():
                assert hasattr(operator.builtinOptions, key), f"{name} has no option {key}"
                setattr(operator.builtinOptions, key, value)
        self._graph.operators.append(operator)
        return (*outputs, *inputs)[0]

    def custom(self, name: str, source: int, shape: Sequence[int]) -> int:
        """Add an operation that only its maker knows, and return its output."""
        output = self.operation("CUSTOM", [source], [self.tensor(shape)])
        self._model.operatorCodes[-1].customCode = name.encode()
        return output

    def convolution(self, source: int, filters: int, *, kernel: int = 3, version: int = 3, **options: Any) -> int:
        """Add CONV_2D with `same` padding and return its output; weights are per channel."""
        shape = [int(size) for size in self._graph.tensors[source].shape]
        weight = self.weight([filters, kernel, kernel, shape[-1]], scales=filters)
        bias = self.tensor([filters], "int32", stored=np.zeros(filters), scales=filters, scale=0.0005)
        usual = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
        output = self.tensor([*shape[:-1], filters])
        return self.operation("CONV_2D", [source, weight, bias], [output], version, **{**usual, **options})

    def depthwise(self, source: int) -> int:
        """Add a 3 x 3 DEPTHWISE_CONV_2D with `same` padding and return its output; weights are per channel."""
        shape = [int(size) for size in self._graph.tensors[source].shape]
        weight = self.weight([1, 3, 3, shape[-1]], scales=shape[-1], axis=3)
        bias = self.tensor([shape[-1]], "int32", stored=np.zeros(shape[-1]), scales=shape[-1], scale=0.0005)
        usual = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1, "depthMultiplier": 1}
        return self.operation("DEPTHWISE_CONV_2D", [source, weight, bias], [self.tensor(shape)], 3, **usual)

    def dense(self, source: int, units: int, *, scales: int = 1, version: int = 4, **options: Any) -> int:
        """Add FULLY_CONNECTED without a bias and return its output."""
        shape = [int(size) for size in self._graph.tensors[source].shape]
        weight = self.weight([units, shape[-1]], scales=scales)
        output = self.tensor([*shape[:-1], units])
        return self.operation("FULLY_CONNECTED", [source, weight, -1], [output], version, **options)

    def given(self, *tensors: int) -> None:
        """Make tensors the inputs of the graph."""
        self._graph.inputs = np.array(tensors, np.int32)

    def data(self, *outputs: int) -> bytes:
        """The file that returns `outputs`."""
        self._graph.outputs = np.array(outputs, np.int32)
        return serialize_model(self._model)

    def write(self, path: Path, *outputs: int) -> Path:
        """Write the file that returns `outputs`."""
        path.write_bytes(self.data(*outputs))
        return path


def image(net: Net, shape: Sequence[int] = (1, 8, 8, 4), dtype: str = "int8", **more: Any) -> int:
    """The input of a net."""
    tensor = net.tensor(shape, dtype, name="image", **more)
    net.given(tensor)
    return tensor
