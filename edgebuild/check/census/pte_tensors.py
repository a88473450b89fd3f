"""Tensors and operations of one XNNPACK delegate as records of a census."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgebuild.check.census.model import OperationRecord, Role, TensorRecord
from edgebuild.model.weight_values import distinct_along, magnitude, values_digest
from edgebuild.runtime.executorch_flatbuffer import MalformedBufferError
from edgebuild.runtime.executorch_xnnpack import BACKEND, XnnpackGraph, node_inputs, node_outputs, tensor_value

_DTYPES = {
    "xnn_datatype_fp32": "float32",
    "xnn_datatype_pfp32": "float32",
    "xnn_datatype_fp16": "float16",
    "xnn_datatype_bf16": "bfloat16",
    "xnn_datatype_qint8": "int8",
    "xnn_datatype_quint8": "uint8",
    "xnn_datatype_qcint8": "int8",
    "xnn_datatype_qdint8": "int8",
    "xnn_datatype_qpint8": "int8",
    "xnn_datatype_qint32": "int32",
    "xnn_datatype_qcint32": "int32",
    "xnn_datatype_int32": "int32",
    "xnn_datatype_qcint4": "int4",
    "xnn_datatype_qbint4": "int4",
}
_CONVERT = "XNNConvert"
_PLAIN = ("float32", "float16", "int8", "uint8", "int32")


def delegate_records(
    graph: XnnpackGraph, layers: list[str | None], outer: dict[int, int], first_tensor: int, first_operation: int
) -> tuple[list[TensorRecord], list[OperationRecord]]:
    """The records of one delegate.

    Args:
        graph: the delegate's graph.
        layers: the layer of every node.
        outer: value id at the delegate's border -> index of the program's tensor that is the same one.
        first_tensor: index of the first new tensor record.
        first_operation: index of the first operation record.
    """
    inner = [value for value in graph.values if value not in outer]
    index_of = {**outer, **{value: first_tensor + i for i, value in enumerate(inner)}}
    roles = _roles(graph)
    owners = _owners(graph, layers)
    tensors = [
        _record(graph, value, index_of[value], roles.get(value, "activation"), owners.get(value)) for value in inner
    ]
    operations = [
        OperationRecord(
            index=first_operation + position,
            name=_name(node, graph),
            version=1,
            layer=layer,
            delegate=BACKEND,
            inputs=tuple(index_of[value] for value in node_inputs(node)),
            outputs=tuple(index_of[value] for value in node_outputs(node)),
        )
        for position, (node, layer) in enumerate(zip(graph.nodes, layers, strict=True))
    ]
    return tensors, operations


def statistics(data: bytes, dtype: str, shape: Sequence[int]) -> tuple[float | None, int | None, tuple[int, ...]]:
    """Share of exact zeros, number of distinct values, and that along each dimension; None and () for packed types."""
    if dtype not in _PLAIN or not data:
        return None, None, ()
    values = np.frombuffer(data, dtype=dtype).reshape(shape)
    return float(np.count_nonzero(values == 0) / values.size), int(np.unique(values).size), distinct_along(values)


def zero_places(data: bytes, dtype: str) -> bytes:
    """One bit for each number of a weight, set where it is zero; empty for packed types."""
    if dtype not in _PLAIN or not data:
        return b""
    return np.packbits(np.frombuffer(data, dtype=dtype) == 0).tobytes()


def _record(graph: XnnpackGraph, value: int, index: int, role: Role, layer: str | None) -> TensorRecord:
    whole = graph.values[value]
    base = tensor_value(whole)
    dtype = _DTYPES.get(base["datatype"], str(base["datatype"]))
    stored = base["constant_buffer_idx"]
    data = graph.constant(stored)[: _size(base["dims"], dtype)] if stored else b""
    if stored and role == "activation":
        role = "constant"
    scale, zero_point, axis = _quantization(graph, whole["xvalue_union"])
    sparsity, distinct, along = statistics(data, dtype, base["dims"]) if role == "weight" else (None, None, ())
    digest, total = integers(data, dtype, base["dims"], scale, axis) if role in ("weight", "bias") else (None, None)
    kind = role if role != "activation" else "value"
    return TensorRecord(
        index=index,
        name=f"{layer}/{kind}_{value}" if layer else f"{kind}_{value}",
        layer=layer,
        role=role,
        dtype=dtype,
        shape=tuple(base["dims"]),
        bytes=len(data),
        scale=scale,
        zero_point=zero_point,
        axis=axis,
        sparsity=sparsity,
        distinct=distinct,
        distinct_along=along,
        digest=digest,
        magnitude=total,
        zero_places=zero_places(data, dtype) if role == "weight" else b"",
    )


def integers(
    data: bytes, dtype: str, dims: list[int], scale: tuple[float, ...], axis: int | None
) -> tuple[str | None, float | None]:
    """Digest and magnitude of an int8 weight or int32 bias with scales; (None, None) for every other one."""
    if dtype not in ("int8", "int32") or not scale or not data:
        return None, None
    values = np.frombuffer(data, dtype=dtype).reshape(dims)
    return values_digest(values), magnitude(values, np.asarray(scale), axis)


def _quantization(graph: XnnpackGraph, value: dict[str, Any]) -> tuple[tuple[float, ...], tuple[int, ...], int | None]:
    """Scales, zero points and channel dimension; per-channel weights are symmetric, so their zero points are 0."""
    kind, parameters = value.get("quant_params_type"), value.get("quant_params")
    if kind == "PerTensorQuant" and parameters:
        return (float(parameters["scale"]),), (int(parameters["zero_point"]),), None
    if kind == "PerChannelQuant" and parameters:
        scales = parameters["scale"]
        if not scales:
            stored = graph.constant(parameters["scale_buffer_idx"])
            scales = np.frombuffer(stored, dtype="<f4")[: parameters["num_scales"]].tolist()
        return tuple(float(s) for s in scales), (0,) * len(scales), int(parameters["channel_dim"])
    return (), (), None


def _size(dims: list[int], dtype: str) -> int:
    count = int(np.prod(dims, dtype=np.int64))
    if dtype == "int4":
        return (count + 1) // 2
    return count * (2 if dtype == "bfloat16" else np.dtype(dtype).itemsize)


def _roles(graph: XnnpackGraph) -> dict[int, Role]:
    roles: dict[int, Role] = {}
    for node in graph.nodes:
        body = node["xnode_union"]
        for key, role in (("filter_id", "weight"), ("bias_id", "bias")):
            value = graph.values.get(body.get(key, -1))
            if value is not None and tensor_value(value)["constant_buffer_idx"]:
                roles[body[key]] = "weight" if role == "weight" else "bias"
    return roles


def _owners(graph: XnnpackGraph, layers: list[str | None]) -> dict[int, str | None]:
    """The layer of every value: the one that makes it, for stored values the one that reads it."""
    owners: dict[int, str | None] = {}
    for node, layer in zip(graph.nodes, layers, strict=True):
        for value in node_inputs(node):
            if value not in graph.values:
                msg = f"a node reads the value {value}, which does not exist"
                raise MalformedBufferError(msg)
            owners.setdefault(value, layer)
        owners.update(dict.fromkeys(node_outputs(node), layer))
    return owners


def _name(node: dict[str, Any], graph: XnnpackGraph) -> str:
    """XNNPACK's name; its one conversion says which way it goes."""
    kind = str(node["xnode_union_type"])
    if kind != _CONVERT:
        return kind
    source, target = (
        _DTYPES.get(tensor_value(graph.values[value])["datatype"], "")
        for value in (node_inputs(node)[0], node_outputs(node)[0])
    )
    if target.startswith("int"):
        return f"{kind}/{'requantize' if source.startswith('int') else 'quantize'}"
    return f"{kind}/{'dequantize' if source.startswith('int') else 'cast'}"
