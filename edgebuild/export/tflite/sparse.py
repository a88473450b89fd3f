"""Sparse storage: of a weight with many zeros the .tflite keeps the other numbers and where they stand.

The schema has a field for it (SparsityParameters), but kernels that read such a weight as it is take it for a dense
one, without an error: convolutions in LiteRT, tflite-runtime and TFLite Micro, linear layers under XNNPACK. So every
sparse weight gets a DENSIFY operation, which unpacks it when the file is loaded. What runs was found by running it
(docs/sparse-storage.md): everything in `WEIGHTED` but what `REFUSED` lists.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from edgebuild.check.runtime_versions.names import EDGE_TPU, MICRO
from edgebuild.runtime.litert_flatbuffer import (
    operator_name,
    parse_model,
    quantization,
    serialize_model,
    stored_bytes,
    tensor_shape,
    type_name,
)
from edgebuild.runtime.litert_sparsity import index_bytes

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
REFUSED = frozenset({("FULLY_CONNECTED", "int8", "int8")})
"""(operation, type of its input, type of its weight) behind a DENSIFY that LiteRT 2.3 does not load with XNNPACK."""

_STORED = {"float32": np.float32, "float16": np.float16, "int8": np.int8}
_WEIGHT = 1
"""Which input of these operations is the weight."""


def objection(options: Mapping[str, Any], dtype: str, runtimes: tuple[str, ...]) -> tuple[str, str] | None:
    """(option, why not) where a runtime of the target cannot have sparse storage; None where nothing is wrong."""
    if not options.get("sparse"):
        return None
    for runtime in runtimes:
        if runtime in EDGE_TPU | MICRO:
            effect = "would leave sparse weights to the CPU" if runtime in EDGE_TPU else "does not load such a file"
            return "sparse", f"{runtime} has no DENSIFY operation, which sparse weights need: it {effect}"
    if dtype == "int8-dynamic":
        return "sparse", "LiteRT with XNNPACK does not load int8-dynamic files with sparse weights"
    return None


def store_sparsely(data: bytes, label: str) -> bytes:
    """Return the file with every weight stored sparsely that makes it smaller; `data` itself where none does.

    Every weight keeps its numbers: only those whose zero point is 0 are taken.
    """
    smallest = data
    for index in _candidates(parse_model(data, label)):
        file = _with_sparse(parse_model(smallest, label), index)
        smallest = min(smallest, file, key=len)
    return smallest


def _candidates(model: Any) -> list[int]:
    """The weights of the main graph whose numbers and indices are fewer bytes than the dense ones."""
    graph = model.subgraphs[0]
    readers: dict[int, list[tuple[Any, int]]] = {}
    for operator in graph.operators:
        for position, index in enumerate(operator.inputs):
            readers.setdefault(int(index), []).append((operator, position))
    found = []
    for index, tensor in enumerate(graph.tensors):
        values = _values(model, tensor)
        if values is None or not _is_weight(model, index, readers):
            continue
        sparsity, kept = _smallest_layout(values)
        if kept.nbytes + index_bytes(sparsity) < values.nbytes:
            found.append(index)
    return found


def _values(model: Any, tensor: Any) -> np.ndarray | None:
    """The numbers of a dense stored tensor in which 0 stands for zero; None for every other tensor."""
    stored, dtype = stored_bytes(model, tensor), type_name(tensor.type)
    shape = tensor_shape(tensor)
    if stored is None or tensor.sparsity is not None or dtype not in _STORED or len(shape) < 2:
        return None
    if any(quantization(tensor)[1]):
        return None
    return np.ascontiguousarray(stored).view(_STORED[dtype]).reshape(shape)


def _is_weight(model: Any, index: int, readers: Mapping[int, list[tuple[Any, int]]]) -> bool:
    """Whether all that reads the tensor, at once or behind a DEQUANTIZE, takes it as a weight that may be sparse."""
    graph = model.subgraphs[0]
    for operator, position in readers.get(index, []):
        name = operator_name(model, operator)
        if name == "DEQUANTIZE":
            if not _is_weight(model, int(operator.outputs[0]), readers):
                return False
            continue
        types = tuple(type_name(graph.tensors[int(operator.inputs[at])].type) for at in (0, _WEIGHT))
        if name not in WEIGHTED or position != _WEIGHT or (name, *types) in REFUSED:
            return False
    return index in readers


def _with_sparse(model: Any, index: int) -> bytes:
    """The file in which tensor `index` is unpacked from a new one, which has its numbers sparsely."""
    from ai_edge_litert import schema_py_generated as schema

    graph = model.subgraphs[0]
    dense = graph.tensors[index]
    values = _values(model, dense)
    assert values is not None, "candidates are dense"
    stored = copy.copy(dense)
    stored.name = dense.name + b"_sparse"
    stored.quantization = None
    stored.sparsity, kept = _smallest_layout(values)
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(kept.tobytes(), np.uint8)
    stored.buffer = len(model.buffers)
    model.buffers.append(buffer)
    if sum(tensor.buffer == dense.buffer for part in model.subgraphs for tensor in part.tensors) == 1:
        model.buffers[dense.buffer].data = None
    dense.buffer = 0
    graph.tensors.append(stored)
    first = next(at for at, operator in enumerate(graph.operators) if index in [int(i) for i in operator.inputs])
    graph.operators.insert(first, _densify(model, len(graph.tensors) - 1, index))
    return serialize_model(model)


def _densify(model: Any, source: int, target: int) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    number = schema.BuiltinOperator.DENSIFY
    known = [position for position, code in enumerate(model.operatorCodes) if code.builtinCode == number]
    if not known:
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = number
        code.version = 1
        model.operatorCodes.append(code)
    operator = schema.OperatorT()
    operator.opcodeIndex = known[0] if known else len(model.operatorCodes) - 1
    operator.inputs, operator.outputs = np.array([source], np.int32), np.array([target], np.int32)
    operator.builtinOptionsType = schema.BuiltinOptions.DensifyOptions
    operator.builtinOptions = schema.DensifyOptionsT()
    return operator


def _smallest_layout(values: np.ndarray) -> tuple[Any, np.ndarray]:
    """(SparsityParameters, the numbers that stay [n]) of the fewest bytes: one dimension is sparse, and walked last.

    Blocks are for kernels that read them at once, which no runtime here has behind a DENSIFY; they would store zeros.
    """
    return min(_layouts(values), key=lambda layout: layout[1].nbytes + index_bytes(layout[0]))


def _layouts(values: np.ndarray) -> Iterator[tuple[Any, np.ndarray]]:
    from ai_edge_litert import schema_py_generated as schema

    for last in reversed(range(values.ndim)):
        order = [*(dimension for dimension in range(values.ndim) if dimension != last), last]
        rows = values.transpose(order).reshape(-1, values.shape[last])
        kept = rows != 0
        sparsity = schema.SparsityParametersT()
        sparsity.traversalOrder = np.array(order, np.int32)
        sparsity.dimMetadata = [_dense_level(values.shape[dimension]) for dimension in order[:-1]]
        level = schema.DimensionMetadataT()
        level.format = schema.DimensionType.SPARSE_CSR
        segments = np.concatenate([[0], np.cumsum(kept.sum(1))])
        level.arraySegmentsType, level.arraySegments = _index_vector(segments)
        level.arrayIndicesType, level.arrayIndices = _index_vector(np.nonzero(kept)[1])
        sparsity.dimMetadata.append(level)
        yield sparsity, rows[kept]


def _dense_level(size: int) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    level = schema.DimensionMetadataT()
    level.format, level.denseSize = schema.DimensionType.DENSE, size
    return level


def _index_vector(numbers: np.ndarray) -> tuple[int, Any]:
    """(kind, vector) of the narrowest type that holds them."""
    from ai_edge_litert import schema_py_generated as schema

    kinds = schema.SparseIndexVector
    largest = int(numbers.max(initial=0))
    for limit, kind, vector, dtype in (
        (1 << 8, kinds.Uint8Vector, schema.Uint8VectorT(), np.uint8),
        (1 << 16, kinds.Uint16Vector, schema.Uint16VectorT(), np.uint16),
        (1 << 31, kinds.Int32Vector, schema.Int32VectorT(), np.int32),
    ):
        if largest < limit:
            vector.values = numbers.astype(dtype)
            return kind, vector
    msg = f"an index of {largest} is more than the schema holds"
    raise OverflowError(msg)
