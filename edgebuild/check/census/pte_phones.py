"""Tensors and operations of a phone's delegates, Vulkan and Core ML, as records of a census."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgebuild.check.census.model import OperationRecord, Role, TensorRecord
from edgebuild.runtime import coreml_payload, vulkan_payload

_WIDTHS = {"bool": 1, "uint8": 1, "int8": 1, "int32": 4, "float16": 2, "float32": 4, "float64": 8, "int64": 8}
_WEIGHTED = ("conv", "linear", "mm", "embedding")
"""Words of the operations that have a weight, and behind it perhaps a bias."""


def vulkan_records(
    payload: bytes, outer: Sequence[int], weighted: Sequence[str | None], first_tensor: int, first_operation: int
) -> tuple[list[TensorRecord], list[OperationRecord]]:
    """The records of one Vulkan delegate.

    The delegate does not tell which layer an operation comes from. Operations with weights are named in order, where
    there are as many of them as the export noted; the others have no layer.

    Args:
        payload: of the delegate.
        outer: indices of the program's tensors that go in and come out, in the graph's order.
        weighted: layers of the operations with weights, as the export noted them.
        first_tensor: index of the first new tensor record.
        first_operation: index of the first operation record.

    Raises:
        MalformedBufferError: the payload is damaged.
    """
    graph = vulkan_payload.read_vulkan(payload)
    values = [item["value"] if item["value_type"] == "VkTensor" else None for item in graph["values"]]
    lists = {i: item["value"]["items"] for i, item in enumerate(graph["values"]) if item["value_type"] == "ValueList"}
    index_of = dict(zip((*graph["input_ids"], *graph["output_ids"]), outer, strict=False))
    inner = [place for place, value in enumerate(values) if value is not None and place not in index_of]
    index_of |= {place: first_tensor + number for number, place in enumerate(inner)}
    roles, kernels = _roles(graph["chain"], values)
    layers = dict(zip(kernels, weighted, strict=True)) if len(kernels) == len(weighted) else {}
    owners = {place: layers.get(kernel) for kernel, places in kernels.items() for place in places}
    tensors = [_tensor(values[place] or {}, index_of[place], place, roles, owners) for place in inner]
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
    payload: bytes, outer: Sequence[int], handles: Mapping[str, str | None], first_operation: int
) -> list[OperationRecord]:
    """The operations of one Core ML delegate with their layers; its tensors are Core ML's own.

    Args:
        payload: of the delegate.
        outer: indices of the program's tensors that go in and come out; the first operation reads, the last writes.
        handles: debug handle -> layer, as the export recorded them.
        first_operation: index of the first operation record.

    Raises:
        MalformedBufferError: the payload is damaged.
    """
    found = coreml_payload.read_operations(payload)
    return [
        OperationRecord(
            index=first_operation + number,
            name=operation.name,
            version=1,
            layer=handles.get(operation.handle),
            delegate=coreml_payload.BACKEND,
            inputs=tuple(outer[:-1]) if number == 0 else (),
            outputs=tuple(outer[-1:]) if number == len(found) - 1 else (),
        )
        for number, operation in enumerate(found)
    ]


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
