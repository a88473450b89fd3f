"""Which operators of a converted file compute the user's layers that own weights, and which follow them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from edgebuild.errors import ConfigError
from edgebuild.runtime.litert_flatbuffer import operator_name, parse_model, stored_bytes, tensor_name, type_name
from edgebuild.runtime.litert_roles import parameter_roles


def operators_of(data: bytes, layers: Collection[str], label: str) -> dict[int, str]:
    """Position in the main graph -> layer, for every operator that reads a stored weight of one of `layers`.

    Raises:
        ConfigError: a layer has no operator of its own in the file.
    """
    model = parse_model(data, label)
    found = {}
    for position, operator in enumerate(model.subgraphs[0].operators):
        layer = _layer_of(model, operator)
        if layer in layers:
            found[position] = str(layer)
    missing = [layer for layer in layers if layer not in found.values()]
    if missing:
        msg = f"the .tflite has no operation with a weight of layer {missing[0]!r} alone: it has no type of its own"
        raise ConfigError(msg, remedy="take it out of the layers that the plan names")
    return found


def float_operators(data: bytes, layers: Collection[str], label: str) -> tuple[int, ...]:
    """Positions of the operators that compute in floating point because `layers` do, in order.

    They are those of the layers, and others by the rule of `edgebuild.model.fakequant.floating`.

    Raises:
        ConfigError: a layer has no operator of its own in the file.
    """
    own = operators_of(data, layers, label) if layers else {}
    model = parse_model(data, label)
    graph = model.subgraphs[0]
    given = {int(index) for index in graph.inputs}
    behind: dict[int, None] = {}
    before: dict[int, None] = {}
    results: set[int] = set()
    inputs: set[int] = set()
    for position, operator in enumerate(graph.operators if own else ()):
        sources = _computed(model, operator)
        if position in own or (sources & results and sources <= results | inputs | given and _is_free(model, operator)):
            behind[position] = None
            results.update(map(int, operator.outputs))
        elif sources and sources <= inputs | given and _is_free(model, operator):
            before[position] = None
            inputs.update(map(int, operator.outputs))
    found = set(behind)
    read = {source for position in behind for source in _computed(model, graph.operators[position])}
    for position in reversed(before):
        if not read.isdisjoint(map(int, graph.operators[position].outputs)):
            found.add(position)
            read |= _computed(model, graph.operators[position])
    return tuple(sorted(found))


def _computed(model: Any, operator: Any) -> set[int]:
    """The floating-point tensors that an operator reads and that are not stored."""
    tensors = model.subgraphs[0].tensors
    present = [int(index) for index in operator.inputs if index >= 0]
    floats = [index for index in present if type_name(tensors[index].type) == "float32"]
    return {index for index in floats if stored_bytes(model, tensors[index]) is None}


def _is_free(model: Any, operator: Any) -> bool:
    """True for an operator without a stored weight."""
    tensors = model.subgraphs[0].tensors
    roles = parameter_roles(operator_name(model, operator))
    weights = [position for position, role in roles.items() if role == "weight" and position < len(operator.inputs)]
    return all(stored_bytes(model, tensors[operator.inputs[position]]) is None for position in weights)


def results_of(data: bytes, layers: Collection[str], label: str) -> dict[str, str]:
    """Name of the tensor that an operator makes -> layer, for the operators of `operators_of`."""
    model = parse_model(data, label)
    graph = model.subgraphs[0]
    positions = operators_of(data, layers, label)
    return {tensor_name(graph.tensors[graph.operators[at].outputs[0]]): layer for at, layer in positions.items()}


def _layer_of(model: Any, operator: Any) -> str | None:
    tensors = model.subgraphs[0].tensors
    for position, role in parameter_roles(operator_name(model, operator)).items():
        if role == "weight" and position < len(operator.inputs) and operator.inputs[position] >= 0:
            tensor = tensors[operator.inputs[position]]
            if stored_bytes(model, tensor) is not None:
                return tensor_name(tensor).rpartition("/")[0]
    return None
