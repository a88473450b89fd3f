"""Tensors and operations of a phone's delegates, Vulkan and Core ML, as records of a census."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

import numpy as np

from edgebuild.check.census.model import OperationRecord, Role, TensorRecord
from edgebuild.check.census.pte_tensors import statistics, zero_places
from edgebuild.runtime import coreml_payload, vulkan_payload
from edgebuild.runtime.coreml_program import MilCall, MilProgram, read_program
from edgebuild.runtime.executorch_file import PteFile

_WIDTHS = {"bool": 1, "uint8": 1, "int8": 1, "int32": 4, "float16": 2, "float32": 4, "float64": 8, "int64": 8}
_WEIGHTED = ("conv", "linear", "mm", "embedding")
"""Words of the operations that have a weight, and behind it perhaps a bias."""
_KERNEL: dict[str, Role] = {"weight": "weight", "bias": "bias"}
_CORE_ML_WEIGHTED: dict[str, dict[str, Role]] = {
    "conv": _KERNEL,
    "conv_transpose": _KERNEL,
    "linear": _KERNEL,
    "matmul": {"x": "weight", "y": "weight"},
    "gather": {"x": "weight"},
}
"""Operation of Core ML -> name of an input -> its role where it is stored."""
_CORE_ML_ORDERS: dict[str, tuple[int, int]] = {"conv": (0, 1), "conv_transpose": (1, 0)}
"""Operation of Core ML -> dimensions of a filter that are its output and its input channels."""
_TRANSPOSED_AT = 6
"""Place among the arguments of a convolution of Vulkan that says whether it is transposed."""


def stored_parameters(file: PteFile) -> list[np.ndarray]:
    """Weights and biases of every delegate of a phone in a program, as they are stored.

    Raises:
        MalformedBufferError: a delegate is damaged.
    """
    found: list[np.ndarray] = []
    for delegate in file.forward()["delegates"]:
        payload = file.payload(delegate)
        if delegate["id"] == vulkan_payload.BACKEND:
            graph = vulkan_payload.read_vulkan(payload)
            stored = vulkan_payload.read_constants(payload, graph, file.named)
            found += [stored[place] for place in _roles(graph["chain"], _tensors(graph))[0] if place in stored]
        elif delegate["id"] == coreml_payload.BACKEND:
            program = read_program(payload)
            names = dict.fromkeys(name for call in program.calls for name in _parameters(call, program))
            found += [program.stored[name].values for name in names]
    return found


def layers_of_delegates(file: PteFile, weighted: Sequence[str | None]) -> dict[int, Sequence[str | None]]:
    """Number of a phone's delegate -> the layers of its operations with weights.

    Nobody's, where there are not as many of them in the file as the export noted in `weighted`.
    """
    counts: dict[int, int] = {}
    for number, delegate in enumerate(file.forward()["delegates"]):
        if delegate["id"] == vulkan_payload.BACKEND:
            graph = vulkan_payload.read_vulkan(file.payload(delegate))
            counts[number] = len(_roles(graph["chain"], _tensors(graph))[1])
        elif delegate["id"] == coreml_payload.BACKEND:
            program = read_program(file.payload(delegate))
            counts[number] = sum(bool(_parameters(call, program)) for call in program.calls)
    if sum(counts.values()) != len(weighted):
        return {}
    ends = dict(zip(counts, accumulate(counts.values()), strict=True))
    return {number: weighted[end - counts[number] : end] for number, end in ends.items()}


def _tensors(graph: Mapping[str, Any]) -> list[Any]:
    """What a graph of Vulkan says of each of its values that is a tensor; None for the others."""
    return [item["value"] if item["value_type"] == "VkTensor" else None for item in graph["values"]]


def vulkan_records(
    payload: bytes,
    named: Callable[[str], bytes],
    outer: Sequence[int],
    weighted: Sequence[str | None],
    first_tensor: int,
    first_operation: int,
) -> tuple[list[TensorRecord], list[OperationRecord]]:
    """The records of one Vulkan delegate.

    The delegate does not tell which layer an operation comes from. Operations with weights are named in order; the
    others have no layer.

    Args:
        payload: of the delegate.
        named: key -> named data of the program.
        outer: indices of the program's tensors that go in and come out, in the graph's order.
        weighted: layers of the operations with weights, in order; none where they are not known.
        first_tensor: index of the first new tensor record.
        first_operation: index of the first operation record.

    Raises:
        MalformedBufferError: the payload is damaged.
    """
    graph = vulkan_payload.read_vulkan(payload)
    values = _tensors(graph)
    lists = {i: item["value"]["items"] for i, item in enumerate(graph["values"]) if item["value_type"] == "ValueList"}
    index_of = dict(zip((*graph["input_ids"], *graph["output_ids"]), outer, strict=False))
    inner = [place for place, value in enumerate(values) if value is not None and place not in index_of]
    index_of |= {place: first_tensor + number for number, place in enumerate(inner)}
    roles, kernels = _roles(graph["chain"], values)
    layers = dict(zip(kernels, weighted, strict=False))
    owners = {place: layers.get(kernel) for kernel, places in kernels.items() for place in places}
    stored = vulkan_payload.read_constants(payload, graph, named)
    order = _orders(graph)
    tensors = [
        _read(
            _tensor(values[place] or {}, index_of[place], place, roles, owners), stored.get(place), order.get(place, ())
        )
        for place in inner
    ]
    operations: list[OperationRecord] = []
    for position, call in enumerate(graph["chain"]):
        flat = [place for item in call["args"] for place in lists.get(item, [item])]
        used = [place for place in flat if 0 <= place < len(values) and values[place] is not None]
        made = set(lists.get(call["args"][-1], call["args"][-1:]))
        operations.append(
            OperationRecord(
                index=first_operation + len(operations),
                name=str(call["name"]),
                version=1,
                layer=layers.get(position),
                delegate=vulkan_payload.BACKEND,
                inputs=tuple(index_of[place] for place in used if place not in made),
                outputs=tuple(index_of[place] for place in used if place in made),
            )
        )
    return tensors, operations


def coreml_records(
    payload: bytes,
    outer: Sequence[int],
    layers: tuple[Mapping[str, str | None], Sequence[str | None]],
    first_tensor: int,
    first_operation: int,
) -> tuple[list[TensorRecord], list[OperationRecord]]:
    """The operations of one Core ML delegate with their layers, and its weights; its activations are Core ML's own.

    Weights are named in order, as those of Vulkan are: an operation that a batch norm was folded into is, for Core ML,
    the batch norm's.

    Args:
        payload: of the delegate.
        outer: indices of the program's tensors that go in and come out; the first operation reads, the last writes.
        layers: debug handle -> layer, and the layers of the operations with weights in order, if they are known.
        first_tensor: index of the first new tensor record.
        first_operation: index of the first operation record.

    Raises:
        MalformedBufferError: the payload is damaged.
    """
    handles, weighted = layers
    program = read_program(payload)
    handle_of = {operation.output: operation.handle for operation in coreml_payload.read_operations(payload)}
    parameters = [_parameters(call, program) for call in program.calls]
    kernels = [position for position, found in enumerate(parameters) if found]
    owners = dict(zip(kernels, weighted, strict=False))
    tensors: list[TensorRecord] = []
    operations: list[OperationRecord] = []
    known: dict[str, int] = {}
    for position, call in enumerate(program.calls):
        read: list[int] = list(outer[:-1]) if position == 0 else []
        for name, role in parameters[position].items():
            if name not in known:
                values = program.stored[name].values
                known[name] = first_tensor + len(tensors)
                record = TensorRecord(known[name], name, owners.get(position), role, program.stored[name].dtype, ())
                tensors.append(_read(record, values, _CORE_ML_ORDERS.get(call.name, ())))
            read.append(known[name])
        operations.append(
            OperationRecord(
                index=first_operation + position,
                name=call.name,
                version=1,
                layer=handles.get(handle_of.get(call.outputs[0], "")),
                delegate=coreml_payload.BACKEND,
                inputs=tuple(read),
                outputs=tuple(outer[-1:]) if position == len(program.calls) - 1 else (),
            )
        )
    return tensors, operations


def _parameters(call: MilCall, program: MilProgram) -> dict[str, Role]:
    """Stored tensor that an operation with a weight reads -> what it is."""
    found: dict[str, Role] = {}
    for given, role in _CORE_ML_WEIGHTED.get(call.name, {}).items():
        found |= {name: role for name in call.inputs.get(given, ()) if name in program.stored}
    return found if "weight" in found.values() else {}


def _read(record: TensorRecord, values: np.ndarray | None, order: tuple[int, int] | tuple[()]) -> TensorRecord:
    """A record with what its stored values tell, where it is a weight.

    The filter of a convolution is recorded with its output channels first and its input channels last, like everywhere
    else in a census; `order` says which dimensions they are.
    """
    if values is None:
        return record
    record = replace(record, shape=tuple(values.shape), bytes=values.nbytes)
    if record.role != "weight" or not values.size:
        return record
    if order and values.ndim > max(order):
        first, last = order
        between = [axis for axis in range(values.ndim) if axis not in order]
        values = values.transpose(first, *between, last)
    data = np.ascontiguousarray(values).tobytes()
    sparsity, distinct, along = statistics(data, record.dtype, values.shape)
    return replace(
        record,
        shape=tuple(values.shape),
        sparsity=sparsity,
        distinct=distinct,
        distinct_along=along,
        zero_places=zero_places(data, record.dtype),
    )


def _orders(graph: Mapping[str, Any]) -> dict[int, tuple[int, int]]:
    """Filter of a convolution of Vulkan -> its dimensions of output and of input channels."""
    found: dict[int, tuple[int, int]] = {}
    for call in graph["chain"]:
        if "conv" in str(call["name"]) and len(call["args"]) > _TRANSPOSED_AT:
            told = graph["values"][call["args"][_TRANSPOSED_AT]]
            transposed = told["value_type"] == "Bool" and told["value"]["bool_val"]
            found[call["args"][1]] = (1, 0) if transposed else (0, 1)
    return found


def _roles(
    chain: Sequence[Mapping[str, Any]], values: Sequence[Any]
) -> tuple[dict[int, Role], dict[int, tuple[int, ...]]]:
    """Stored tensors that operations with weights read, the first as weight, the second as bias; and whose they are."""
    roles: dict[int, Role] = {}
    kernels: dict[int, tuple[int, ...]] = {}
    for position, call in enumerate(chain):
        if not any(word in str(call["name"]) for word in _WEIGHTED):
            continue
        stored = [
            place
            for place in call["args"]
            if 0 <= place < len(values) and values[place] is not None and values[place]["constant_id"] >= 0
        ]
        kinds: tuple[Role, ...] = ("weight", "bias")
        roles.update(zip(stored, kinds, strict=False))
        if stored:
            kernels[position] = tuple(stored[: len(kinds)])
    return roles, kernels


def _tensor(
    value: Mapping[str, Any],
    index: int,
    place: int,
    roles: Mapping[int, Role],
    owners: Mapping[int, str | None],
) -> TensorRecord:
    dtype, shape = str(value["datatype"]).lower(), tuple(value["dims"] or ())
    stored = value["constant_id"] >= 0
    role: Role = roles.get(place, "constant") if stored else "activation"
    size = _WIDTHS.get(dtype, 0)
    for side in shape:
        size *= side
    return TensorRecord(index, f"{role}_{place}", owners.get(place), role, dtype, shape, size if stored else 0)
