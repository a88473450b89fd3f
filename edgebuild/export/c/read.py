"""The first stage: a .tflite file as a typed graph, or an error that says what in it is not supported."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgebuild.errors import ConfigError
from edgebuild.export.c.graph import Graph, Node, Quantization, Tensor
from edgebuild.runtime import litert_flatbuffer as flat

STORED: dict[str, np.dtype[Any]] = {
    "float32": np.dtype("<f4"),
    "int8": np.dtype("i1"),
    "uint8": np.dtype("u1"),
    "int16": np.dtype("<i2"),
    "int32": np.dtype("<i4"),
    "int64": np.dtype("<i8"),
    "bool": np.dtype("?"),
}

DATA_FIRST = {
    "TRANSPOSE_CONV": (2, 1, 3),
    "SPLIT": (1, 0),
    "RESHAPE": (0,),
    "SQUEEZE": (0,),
    "EXPAND_DIMS": (0,),
}
"""The order in which the compiler sees the inputs of some operations: their data comes first.

Shapes that only repeat that of the output are left out; TRANSPOSE_CONV then has the inputs of a convolution.
"""


def read_graph(data: bytes, label: str) -> Graph:
    """Return the main graph of a .tflite file called `label` in messages.

    Raises:
        ConfigError: not a .tflite, damaged, several subgraphs, or a tensor whose shape is not fixed.
    """
    model = flat.parse_model(data, label)
    if len(model.subgraphs) > 1:
        msg = f"{label} has {len(model.subgraphs)} subgraphs (control flow), expected 1"
        raise ConfigError(msg, remedy="export the model without control flow")
    graph = model.subgraphs[0]
    tensors = [_read_tensor(model, tensor, index, label) for index, tensor in enumerate(graph.tensors)]
    nodes = tuple(_read_node(model, operator, index, tensors) for index, operator in enumerate(graph.operators or []))
    input_names, output_names = flat.io_names(model)
    return Graph(
        label=label,
        nodes=nodes,
        inputs=tuple(tensors[index] for index in graph.inputs),
        outputs=tuple(tensors[index] for index in graph.outputs),
        input_names=input_names,
        output_names=output_names,
    )


def _read_tensor(model: Any, tensor: Any, index: int, label: str) -> Tensor:
    name, shape, dtype = flat.tensor_name(tensor), flat.tensor_shape(tensor), flat.type_name(tensor.type)
    signature = tensor.shapeSignature
    open_axes = [axis for axis, size in enumerate(() if signature is None else signature) if size < 0]
    if open_axes and (open_axes != [0] or shape[0] != 1):
        msg = f"{label}: tensor {name!r} has the shape {tuple(map(int, signature))}, expected fixed sizes"
        raise ConfigError(msg, remedy="export the model with fixed shapes")
    if tensor.sparsity is not None:
        msg = f"{label}: tensor {name!r} is stored sparse, expected dense values"
        raise ConfigError(msg, remedy="export the model without the sparse encoding")
    scales, zero_points, axis = flat.quantization(tensor)
    return Tensor(
        index=index,
        name=name,
        shape=shape,
        dtype=dtype,
        quantization=Quantization(scales, _one_each(zero_points, scales), axis) if scales else None,
        data=_values(flat.stored_bytes(model, tensor), dtype, shape, f"{label}: tensor {name!r}"),
    )


def _one_each(zero_points: tuple[int, ...], scales: tuple[float, ...]) -> tuple[int, ...]:
    return zero_points * len(scales) if len(zero_points) == 1 else zero_points


def _values(stored: np.ndarray | None, dtype: str, shape: tuple[int, ...], what: str) -> np.ndarray | None:
    """Stored bytes as values in their shape; 4-bit values come two a byte, the low half first."""
    if stored is None:
        return None
    count = int(np.prod(shape, dtype=np.int64))
    if dtype == "int4":
        values = unpack_int4(stored)[:count]
    elif dtype in STORED:
        values = stored[: stored.size // STORED[dtype].itemsize * STORED[dtype].itemsize].view(STORED[dtype])
    else:
        return stored
    if values.size != count:
        msg = f"{what} stores {values.size} values, expected {count} for its shape {shape}"
        raise ConfigError(msg, remedy="copy the file again or export it again")
    return values.reshape(shape)


def unpack_int4(packed: np.ndarray) -> np.ndarray:
    """Two signed 4-bit values of every byte, the low half first, as int8."""
    halves = np.stack([packed << 4, packed & 0xF0], axis=-1).astype(np.uint8).view(np.int8)
    return (halves >> 4).reshape(-1)


def _read_node(model: Any, operator: Any, index: int, tensors: list[Tensor]) -> Node:
    outputs = tuple(tensors[number] for number in operator.outputs)
    inputs = tuple(tensors[number] if number >= 0 else None for number in operator.inputs)
    op = flat.operator_name(model, operator)
    order = DATA_FIRST.get(op, ())
    return Node(
        index=index,
        op=op,
        version=flat.operator_version(model, operator),
        inputs=tuple(inputs[place] for place in order if place < len(inputs)) if order else inputs,
        outputs=outputs,
        options=dict(vars(operator.builtinOptions)) if operator.builtinOptions is not None else {},
        layer=outputs[0].name if outputs else "",
    )
