"""Give every tensor of a converted file a name that a user recognises: the layer's dotted name, then its part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from edgebuild.runtime.litert_flatbuffer import operator_name, stored_bytes, tensor_name
from edgebuild.runtime.litert_roles import parameter_roles

_WRAPPED_PREFIX = "model."


def rename(
    model: Any,
    input_names: Sequence[str],
    output_names: Sequence[str],
    output_layers: Sequence[str | None],
    weights: Mapping[str, Sequence[np.ndarray]],
) -> dict[str, str]:
    """Rename the tensors and the signature of a freshly converted `ModelT`, and put inputs and outputs in order.

    An operation's result becomes `layer/operation`, its parameters `layer/weight` and `layer/bias`, an input or output
    what the user calls it. The converter joins the names of fused layers, in no fixed order, and of layers that read
    the same: an operation with a weight is named after the one in `weights` (layer -> its parameters) that owns these
    very numbers, else after the last that owns any; any other operation after the last of all.

    Returns:
        Output tensor name -> layer that makes it.
    """
    graph = model.subgraphs[0]
    _order_io(model, input_names, output_names)
    outputs = {int(index): position for position, index in enumerate(graph.outputs)}
    layer_of_output: dict[str, str] = {}
    new: dict[int, str] = {}
    for name, index in zip((*input_names, *output_names), (*graph.inputs, *graph.outputs), strict=True):
        new.setdefault(int(index), name)
    taken = set(new.values())
    named: set[str | None] = set()
    for operator in graph.operators:
        operation = operator_name(model, operator)
        layer = _layer_of(model, graph, operator, operation, outputs, output_layers, weights, named)
        named.add(layer)
        for index in operator.outputs:
            if int(index) in outputs and layer:
                layer_of_output[new[int(index)]] = layer
            elif int(index) not in new:
                new[int(index)] = _unique(_join(layer, operation.lower()), taken)
        roles = parameter_roles(operation)
        for position, index in enumerate(operator.inputs):
            if index >= 0 and int(index) not in new and stored_bytes(model, graph.tensors[index]) is not None:
                new[int(index)] = _unique(_join(layer, roles.get(position, "constant")), taken)
    for index, tensor in enumerate(graph.tensors):
        tensor.name = new.get(index, tensor_name(tensor)).encode()
    return layer_of_output


def _order_io(model: Any, input_names: Sequence[str], output_names: Sequence[str]) -> None:
    """Put the graph's inputs and outputs in the user's order and write the user's names into the signature."""
    signature, graph = model.signatureDefs[0], model.subgraphs[0]
    for entries, prefix, names, side in (
        (signature.inputs, "input_", input_names, "inputs"),
        (signature.outputs, "output_", output_names, "outputs"),
    ):
        position = {entry.name: int(entry.name.decode().removeprefix(prefix)) for entry in entries}
        entries.sort(key=lambda entry, position=position: position[entry.name])
        setattr(graph, side, np.array([entry.tensorIndex for entry in entries], np.int32))
        for entry in entries:
            entry.name = names[position[entry.name]].encode()


def _layer_of(
    model: Any,
    graph: Any,
    operator: Any,
    operation: str,
    outputs: dict[int, int],
    output_layers: Sequence[str | None],
    weights: Mapping[str, Sequence[np.ndarray]],
    named: set[str | None],
) -> str | None:
    first = int(operator.outputs[0])
    weight = _stored_weight(model, graph, operator, operation)
    if first not in outputs:
        fused = _layers(tensor_name(graph.tensors[first]))
        owning = list(dict.fromkeys(layer for layer in fused if layer in weights)) if weight is not None else []
        if len(owning) > 1:
            owning = _with_values(owning, weights, model, graph.tensors[weight], named)
        return next(reversed(owning or fused), None)
    if weight is not None:
        return next(reversed(_layers(tensor_name(graph.tensors[weight]))), None)
    return output_layers[outputs[first]]


def _with_values(
    layers: list[str],
    weights: Mapping[str, Sequence[np.ndarray]],
    model: Any,
    tensor: Any,
    named: set[str | None],
) -> list[str]:
    """Those of the layers that own the numbers of `tensor`; all of them where none does.

    Copies of one layer own the same: of those the first that is not `named` yet.
    """
    data = stored_bytes(model, tensor)
    assert data is not None
    values = np.frombuffer(data, np.float32) if len(data) % 4 == 0 else np.empty(0, np.float32)
    values = values.reshape(tuple(tensor.shape)) if values.size == np.prod(tensor.shape) else values
    same = [layer for layer in layers if any(_are_of(values, one) for one in weights[layer])]
    waiting = [layer for layer in same if layer not in named]
    return waiting[:1] if len(same) > 1 and waiting else same or layers


_SAME_DIRECTION = 0.999


def _are_of(values: np.ndarray, weight: np.ndarray) -> bool:
    """Whether `values` are those of `weight` in any order of axes, or of a matrix with its rows or columns scaled.

    The converter multiplies what stands before a linear layer (the scale of a layer norm) or behind it into its weight.
    """
    if np.array_equal(np.sort(values, axis=None), np.sort(weight, axis=None)):
        return True
    if weight.ndim != 2 or values.shape != weight.shape or min(weight.shape) < 2:
        return False
    products, sizes = values.astype(np.float64) * weight, (values.astype(np.float64) ** 2, weight.astype(float) ** 2)
    norms = [np.sqrt(sizes[0].sum(axis) * sizes[1].sum(axis)) for axis in (0, 1)]
    cosines = [np.abs(products.sum(axis)) / np.maximum(norms[axis], 1e-30) for axis in (0, 1)]
    return any(bool((cosine[norm > 0] > _SAME_DIRECTION).all()) for cosine, norm in zip(cosines, norms, strict=True))


def _stored_weight(model: Any, graph: Any, operator: Any, operation: str) -> int | None:
    """The tensor of the operator's weight, where its values are in the file."""
    for position, role in parameter_roles(operation).items():
        if role == "weight" and position < len(operator.inputs):
            index = int(operator.inputs[position])
            if stored_bytes(model, graph.tensors[index]) is not None:
                return index
    return None


def _layers(converted_name: str) -> list[str]:
    """`model.stem.2;;model.stem.0;1` -> `stem.2`, `stem.0`."""
    parts = converted_name.rpartition(";")[0].split(";;")
    return [part.removeprefix(_WRAPPED_PREFIX) for part in parts if part.startswith(_WRAPPED_PREFIX)]


def _join(layer: str | None, part: str) -> str:
    return f"{layer}/{part}" if layer else part


def _unique(name: str, taken: set[str]) -> str:
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    taken.add(candidate)
    return candidate
