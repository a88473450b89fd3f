"""Take out the TRANSPOSE that the converter puts before a mean over space: the mean can read channels last as well."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from edgebuild.runtime.litert_flatbuffer import operator_name, stored_bytes


def cancel_transposes(model: Any) -> None:
    """Let every MEAN behind a TRANSPOSE of its own read what that reads, its axes renamed; in place.

    Only where the mean drops the axes and leaves the others in order, so that its result is the same.
    """
    graph = model.subgraphs[0]
    for mean in list(graph.operators):
        if operator_name(model, mean) != "MEAN" or mean.builtinOptions.keepDims:
            continue
        transpose = next((one for one in graph.operators if mean.inputs[0] in one.outputs), None)
        if transpose is None or operator_name(model, transpose) != "TRANSPOSE" or _is_needed(graph, transpose, mean):
            continue
        order, axes = (_numbers(model, graph.tensors[one.inputs[1]]) for one in (transpose, mean))
        if order is None or axes is None:
            continue
        kept = [axis for position, axis in enumerate(order) if position not in axes % len(order)]
        if kept != sorted(kept):
            continue
        mean.inputs = np.array([transpose.inputs[0], _new_axes(model, graph, mean, order[axes])], np.int32)
        graph.operators.remove(transpose)
    _drop_unused_tensors(model)
    _drop_unused_operator_codes(model)


def _is_needed(graph: Any, transpose: Any, mean: Any) -> bool:
    """True where anything but `mean` reads the result, the caller included."""
    result = transpose.outputs[0]
    readers = [operator for operator in graph.operators if result in operator.inputs]
    return readers != [mean] or result in graph.outputs


def _numbers(model: Any, tensor: Any) -> np.ndarray | None:
    stored = stored_bytes(model, tensor)
    return None if stored is None else np.ascontiguousarray(stored).view(np.int32)


def _new_axes(model: Any, graph: Any, mean: Any, axes: np.ndarray) -> int:
    """A tensor like the axes of `mean` with other values; the old one may be read by others."""
    tensor = copy.copy(graph.tensors[mean.inputs[1]])
    buffer = copy.copy(model.buffers[tensor.buffer])
    buffer.data = np.frombuffer(np.sort(axes).astype(np.int32).tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor.buffer = len(model.buffers) - 1
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _drop_unused_tensors(model: Any) -> None:
    graph = model.subgraphs[0]
    used = {int(index) for operator in graph.operators for index in (*operator.inputs, *operator.outputs)}
    kept = sorted(used.union(map(int, graph.inputs), map(int, graph.outputs)) - {-1})
    if len(kept) == len(graph.tensors):
        return
    place = {old: new for new, old in enumerate(kept)} | {-1: -1}

    def moved(indices: Any) -> np.ndarray:
        return np.array([place[int(index)] for index in indices], np.int32)

    graph.tensors = [graph.tensors[index] for index in kept]
    graph.inputs, graph.outputs = moved(graph.inputs), moved(graph.outputs)
    for operator in graph.operators:
        operator.inputs, operator.outputs = moved(operator.inputs), moved(operator.outputs)
    for signature in model.signatureDefs or []:
        for entry in (*signature.inputs, *signature.outputs):
            entry.tensorIndex = place[int(entry.tensorIndex)]


def _drop_unused_operator_codes(model: Any) -> None:
    """The calibrator refuses a file that lists an operation which no operator is."""
    operators = [operator for graph in model.subgraphs for operator in graph.operators or []]
    kept = sorted({int(operator.opcodeIndex) for operator in operators})
    model.operatorCodes = [model.operatorCodes[index] for index in kept]
    for operator in operators:
        operator.opcodeIndex = kept.index(int(operator.opcodeIndex))
