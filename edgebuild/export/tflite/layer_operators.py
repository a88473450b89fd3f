"""Which operators of a converted file compute the user's layers that own weights."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from edgebuild.errors import ConfigError
from edgebuild.runtime.litert_flatbuffer import operator_name, parse_model, stored_bytes, tensor_name
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
