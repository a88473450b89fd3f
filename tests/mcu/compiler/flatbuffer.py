"""Small .tflite files written straight from the schema, so that every field can be chosen."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgebuild.runtime.litert_flatbuffer import serialize_model

OPTIONS = {
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "SPLIT_V": "SplitVOptions",
    "PADV2": "PadV2Options",
    "LOGISTIC": None,
    "TANH": None,
    "RELU": None,
    "RELU6": None,
    "PRELU": None,
}
"""Names of options that do not follow from the operation's name; None where it has none."""

TYPES = {name: getattr(schema.TensorType, name.upper()) for name in ("float32", "int8", "uint8", "int16", "int32")}
TYPES["int4"] = schema.TensorType.INT4


@dataclass
class Spec:
    """What a tensor of a built model is, for those who feed and read it."""

    index: int
    shape: tuple[int, ...]
    dtype: str
    scale: float = 0.0
    zero_point: int = 0


@dataclass
class ModelBuilder:
    """Collects tensors and operations; `build` writes the file."""

    tensors: list[Any] = field(default_factory=list)
    buffers: list[Any] = field(default_factory=lambda: [schema.BufferT()])
    operators: list[Any] = field(default_factory=list)
    codes: list[Any] = field(default_factory=list)

    def tensor(
        self,
        shape: tuple[int, ...],
        dtype: str = "int8",
        scale: float | list[float] | None = None,
        zero_point: int = 0,
        data: np.ndarray | None = None,
        axis: int = 0,
    ) -> Spec:
        """Add a tensor; `data` makes it a constant, several scales lie along `axis`."""
        made = schema.TensorT()
        made.name = f"t{len(self.tensors)}".encode()
        made.shape, made.type = list(shape), TYPES[dtype]
        if scale is not None:
            scales = scale if isinstance(scale, list) else [scale]
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = np.array(scales, np.float32)
            made.quantization.zeroPoint = np.full(len(scales), zero_point, np.int64)
            made.quantization.quantizedDimension = axis
        if data is not None:
            buffer = schema.BufferT()
            stored = _packed(data) if dtype == "int4" else np.ascontiguousarray(data, np.dtype(dtype))
            buffer.data = np.frombuffer(stored.tobytes(), np.uint8)
            made.buffer = len(self.buffers)
            self.buffers.append(buffer)
        self.tensors.append(made)
        first = (scale[0] if isinstance(scale, list) else scale) or 0.0
        return Spec(len(self.tensors) - 1, tuple(shape), dtype, float(np.float32(first)), zero_point)

    def constant(self, values: Any) -> Spec:
        """Add a constant of int32: axes, paddings, shapes."""
        array = np.array(values, np.int32)
        return self.tensor(array.shape, "int32", data=array)

    def operate(
        self, name: str, inputs: list[Spec | None], outputs: list[Spec], version: int = 1, **options: Any
    ) -> None:
        """Add an operation."""
        made = schema.OperatorT()
        made.opcodeIndex = self._code(name, version)
        made.inputs = [-1 if spec is None else spec.index for spec in inputs]
        made.outputs = [spec.index for spec in outputs]
        kind = OPTIONS.get(name, _options_name(name))
        if kind is not None:
            made.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            made.builtinOptions = getattr(schema, f"{kind}T")()
            for key, value in options.items():
                assert hasattr(made.builtinOptions, key), (name, key)
                setattr(made.builtinOptions, key, value)
        self.operators.append(made)

    def _code(self, name: str, version: int) -> int:
        number = getattr(schema.BuiltinOperator, name)
        for index, code in enumerate(self.codes):
            if (code.builtinCode, code.version) == (number, version):
                return index
        code = schema.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode, code.version = number, min(number, 127), version
        self.codes.append(code)
        return len(self.codes) - 1

    def build(self, inputs: list[Spec], outputs: list[Spec]) -> bytes:
        """Return the file."""
        graph = schema.SubGraphT()
        graph.tensors, graph.operators = self.tensors, self.operators
        graph.inputs, graph.outputs = [spec.index for spec in inputs], [spec.index for spec in outputs]
        model = schema.ModelT()
        model.version, model.description = 3, b"test"
        model.subgraphs, model.buffers, model.operatorCodes = [graph], self.buffers, self.codes
        return serialize_model(model)


def _options_name(name: str) -> str:
    return "".join(word.capitalize() for word in re.split("_", name)) + "Options"


def _packed(values: np.ndarray) -> np.ndarray:
    flat = np.asarray(values, np.int8).reshape(-1)
    even = np.pad(flat, (0, flat.size % 2)).view(np.uint8) & 0x0F
    return (even[::2] | even[1::2] << 4).astype(np.uint8)
