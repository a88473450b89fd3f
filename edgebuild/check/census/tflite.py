"""Census of a .tflite file: every tensor and operation of every subgraph, read from the flatbuffer itself."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.check.census.model import Census, CensusReader, IoRecord, OperationRecord, TensorRecord
from edgebuild.check.census.tflite_arena import SOURCE, plan_arena
from edgebuild.check.census.tflite_delegate import host_delegate, host_delegate_apart
from edgebuild.check.census.tflite_layers import LayerNames
from edgebuild.check.census.tflite_values import summarize_integers, summarize_values, zero_places
from edgebuild.config.registries import CENSUSES
from edgebuild.errors import ConfigError
from edgebuild.runtime.litert_flatbuffer import (
    BROKEN,
    damaged,
    io_names,
    operator_name,
    operator_options,
    operator_version,
    parse_model,
    quantization,
    stored_bytes,
    tensor_name,
    tensor_shape,
    type_name,
)
from edgebuild.runtime.litert_roles import parameter_roles
from edgebuild.runtime.litert_sparsity import dense_values, index_bytes

_TEXT_LIMIT = 200
_SMALL = 16
"""A stored list of more integers is data, not an option of an operation."""
_CONTRADICTIONS = (*BROKEN, zipfile.BadZipFile)
_UNPACKED = ("DEQUANTIZE", "DENSIFY")
"""Operations that only decode a stored weight for the operation behind them."""


def read_census(path: Path) -> Census:
    """Read `path`; layers come from the file's own names, checked against export.json beside it where there is one.

    It is also loaded into the runtime here, to see which operations its delegate takes: a file that no export.json of
    ours lies beside in a process of its own.

    Raises:
        ConfigError: the file is missing, not a .tflite or damaged.
    """
    census = take_census(_bytes_of(path), path.name, _layers_beside(path))
    names = [operation.name for operation in census.operations]
    ours = (path.parent / "export.json").exists()
    host = host_delegate(path.read_bytes(), names) if ours else host_delegate_apart(path, names)
    return dataclasses.replace(census, metadata={**census.metadata, "host_delegate": host})


def read_structure(path: Path) -> Census:
    """What `take_structure` says of `path`.

    Raises:
        ConfigError: the file is missing, not a .tflite or damaged.
    """
    return take_structure(_bytes_of(path), path.name, _layers_beside(path))


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise ConfigError(msg) from error


def take_census(data: bytes, label: str, layers: tuple[str, ...] = ()) -> Census:
    """Read a file that is in memory; unlike `read_census` it does not load it into the runtime here."""
    model = parse_model(data, label)
    try:
        census = _take(model, data, label, layers, _tensor_record)
        arena = plan_arena(model)
    except _CONTRADICTIONS as error:
        raise damaged(label, len(data), error) from error
    return dataclasses.replace(census, arena_bytes=arena, arena_source=SOURCE)


def take_structure(data: bytes, label: str, layers: tuple[str, ...] = ()) -> Census:
    """Types, shapes and operations only: no statistics of values and no memory plan, so that any size takes no time."""
    model = parse_model(data, label)
    try:
        return _take(model, data, label, layers, _plain_record)
    except _CONTRADICTIONS as error:
        raise damaged(label, len(data), error) from error


_Record = Callable[[Any, Any, int, Any, LayerNames, Any], TensorRecord]


def _take(model: Any, data: bytes, label: str, layers: tuple[str, ...], record: _Record) -> Census:
    metadata = _metadata(model, data)
    names = LayerNames(layers, metadata.get("edgebuild", ""))
    tensors: list[TensorRecord] = []
    operations: list[OperationRecord] = []
    for graph in model.subgraphs:
        offset = len(tensors)
        roles = _roles(model, graph)
        unpacked = {source: graph.tensors[target] for target, source in _decoded(model, graph, ("DENSIFY",)).items()}
        tensors += [
            record(model, tensor, offset + index, roles[index], names, unpacked.get(index, tensor))
            for index, tensor in enumerate(graph.tensors)
        ]
        for operator in graph.operators or []:
            operations.append(_operation_record(model, operator, len(operations), offset, tensors, names))
    inputs, outputs = _io_records(model, tensors)
    return Census(
        path=label,
        format="tflite",
        file_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        schema_version=str(model.version),
        inputs=inputs,
        outputs=outputs,
        tensors=tuple(tensors),
        operations=tuple(operations),
        arena_bytes=None,
        arena_source="not planned",
        min_runtime=metadata.get("min_runtime_version"),
        metadata={name: text[:_TEXT_LIMIT] for name, text in metadata.items()},
    )


def _layers_beside(path: Path) -> tuple[str, ...]:
    record = path.parent / "export.json"
    if not record.exists():
        return ()
    return tuple(json.loads(record.read_text()).get("layers", ()))


def _roles(model: Any, graph: Any) -> dict[int, str]:
    roles: dict[int, str] = {}
    decoded = _decoded(model, graph, _UNPACKED)
    for operator in graph.operators or []:
        for position, role in parameter_roles(operator_name(model, operator)).items():
            if position < len(operator.inputs) and operator.inputs[position] >= 0:
                index = int(operator.inputs[position])
                for _ in _UNPACKED:  # one may decode what another has decoded
                    index = decoded.get(index, index)
                if stored_bytes(model, graph.tensors[index]) is not None:
                    roles[index] = role
    for index, tensor in enumerate(graph.tensors):
        if index not in roles:
            roles[index] = "activation" if stored_bytes(model, tensor) is None else "constant"
    return {**roles, **{int(i): "input" for i in graph.inputs}, **{int(i): "output" for i in graph.outputs}}


def _decoded(model: Any, graph: Any, operations: tuple[str, ...]) -> dict[int, int]:
    """What such an operation makes -> what it makes it of."""
    return {
        int(operator.outputs[0]): int(operator.inputs[0])
        for operator in graph.operators or []
        if operator_name(model, operator) in operations
    }


def _plain_record(model: Any, tensor: Any, index: int, role: Any, names: LayerNames, unpacked: Any) -> TensorRecord:
    """The record of a tensor; `unpacked` is itself, or of a sparse weight the tensor that DENSIFY makes of it."""
    scale, zero_point, axis = quantization(unpacked)
    stored = stored_bytes(model, tensor)
    size = 0 if stored is None else len(stored)
    is_parameter = role in ("weight", "bias", "constant") and stored is not None
    if stored is not None and tensor.sparsity is not None:
        size += index_bytes(tensor.sparsity)
    return TensorRecord(
        index=index,
        name=tensor_name(tensor),
        layer=names.of_tensor(tensor_name(tensor)),
        role=role,
        dtype=type_name(tensor.type),
        shape=_shape(tensor, stored),
        bytes=size if is_parameter else 0,
        scale=scale,
        zero_point=zero_point,
        axis=axis,
        values=_small_integers(tensor, stored) if role == "constant" and stored is not None else (),
        is_sparse=tensor.sparsity is not None,
        sparsity=_share_of_zeros(stored, zero_point) if _is_plain_constant(tensor, role, stored) else None,
    )


def _shape(tensor: Any, stored: np.ndarray | None) -> tuple[int, ...]:
    """As stored, but -1 for a size that the file leaves open and has 1 for; an open batch stays 1, as which it runs."""
    shape = tensor_shape(tensor)
    signature = tensor.shapeSignature
    if stored is not None or signature is None or len(signature) != len(shape):
        return shape
    return tuple(
        -1 if place and int(told) < 0 else size for place, (size, told) in enumerate(zip(shape, signature, strict=True))
    )


def _is_plain_constant(tensor: Any, role: Any, stored: np.ndarray | None) -> bool:
    is_stored = role == "constant" and stored is not None and len(stored) > 0
    return is_stored and type_name(tensor.type) in ("int8", "uint8") and tensor.sparsity is None


def _share_of_zeros(stored: np.ndarray | None, zero_point: tuple[int, ...]) -> float:
    """Of an 8-bit constant with one zero point, or none."""
    assert stored is not None, "only what is stored has zeros"
    zero = np.uint8((zero_point[0] if zero_point else 0) & 0xFF)
    return float(np.count_nonzero(stored == zero) / len(stored))


def _small_integers(tensor: Any, stored: np.ndarray) -> tuple[int, ...]:
    dtype = type_name(tensor.type)
    if dtype not in ("int32", "int64") or len(stored) > _SMALL * np.dtype(dtype).itemsize:
        return ()
    return tuple(int(value) for value in np.frombuffer(stored.tobytes(), np.dtype(dtype).newbyteorder("<")))


def _tensor_record(model: Any, tensor: Any, index: int, role: Any, names: LayerNames, unpacked: Any) -> TensorRecord:
    plain = _plain_record(model, tensor, index, role, names, unpacked)
    stored = stored_bytes(model, tensor) if role in ("weight", "bias") else None
    if stored is None:
        return plain
    whole = stored if tensor.sparsity is None else _whole(tensor, stored)
    weight = role == "weight"
    sparsity, distinct, along = summarize_values(unpacked, whole) if weight else (None, None, ())
    digest, total = summarize_integers(unpacked, whole)
    return dataclasses.replace(
        plain,
        sparsity=sparsity,
        distinct=distinct,
        distinct_along=along,
        digest=digest,
        magnitude=total,
        zero_places=zero_places(unpacked, whole) if weight else b"",
    )


def _whole(tensor: Any, stored: np.ndarray) -> np.ndarray:
    """The bytes of a sparse tensor with its zeros."""
    dtype = type_name(tensor.type)
    values = stored.view(dtype) if dtype in np.sctypeDict else stored
    return dense_values(values, tensor.sparsity, tensor_shape(tensor)).reshape(-1).view(np.uint8)


def _operation_record(
    model: Any, operator: Any, number: int, offset: int, tensors: list[TensorRecord], names: LayerNames
) -> OperationRecord:
    inputs = tuple(offset + int(index) for index in operator.inputs if index >= 0)
    outputs = tuple(offset + int(index) for index in operator.outputs)
    return OperationRecord(
        index=number,
        name=operator_name(model, operator),
        version=operator_version(model, operator),
        layer=names.of_operation([tensors[index] for index in outputs], [tensors[index] for index in inputs]),
        delegate=None,
        inputs=inputs,
        outputs=outputs,
        options=operator_options(operator),
    )


def _io_records(model: Any, tensors: list[TensorRecord]) -> tuple[tuple[IoRecord, ...], tuple[IoRecord, ...]]:
    graph = model.subgraphs[0]
    sides = []
    for indices, names in zip((graph.inputs, graph.outputs), io_names(model), strict=True):
        records = [(tensors[int(index)], name) for index, name in zip(indices, names, strict=True)]
        sides.append(
            tuple(
                IoRecord(name, t.dtype, t.shape, *((t.scale[0], t.zero_point[0]) if t.scale else (None, None)))
                for t, name in records
            )
        )
    return sides[0], sides[1]


def _metadata(model: Any, data: bytes) -> dict[str, str]:
    found = {}
    for entry in model.metadata or []:
        content = model.buffers[entry.buffer].data
        raw = b"" if content is None else bytes(bytearray(content))
        text = raw.rstrip(b"\0").decode("utf-8", errors="replace")
        found[entry.name.decode(errors="replace")] = text if text.isprintable() else f"{len(raw)} bytes"
    stream = io.BytesIO(data)
    if zipfile.is_zipfile(stream):
        with zipfile.ZipFile(stream) as archive:
            for info in archive.infolist():
                found[info.filename] = f"{info.file_size} bytes"
    return found


CENSUSES.register("tflite")(CensusReader(read_census))
