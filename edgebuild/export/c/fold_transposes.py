"""Transposes that cost nothing: those that move no byte become views, others go into the operation that reads them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgebuild.export.c.graph import Graph, Node, Tensor
from edgebuild.export.c.shapes import constant_values, reduced_axes


def moves_nothing(node: Node) -> bool:
    """Whether a TRANSPOSE leaves the order of all axes longer than 1 as it is."""
    order = [axis for axis in constant_values(node, 1) if node.input.shape[axis] > 1]
    return order == sorted(order)


def fold_transposes(graph: Graph) -> Graph:
    """Without transposes whose one reader can read the original: a mean, or a matrix product of the whole tensor."""
    counts = graph.reader_counts()
    readers = {tensor.index: node for node in graph.nodes for tensor in node.computed_inputs()}
    changed: dict[int, Node] = {}
    gone: set[int] = set()
    for node in graph.nodes:
        if node.op != "TRANSPOSE" or node.input.data is not None or moves_nothing(node):
            continue
        path = [node]
        while counts[path[-1].output.index] == 1 and path[-1].output.index in readers:
            path.append(readers[path[-1].output.index])
            if path[-1].op != "RESHAPE":
                break
        last = path[-1]
        folded = _folded(node, last) if last.op in {"MEAN", "FULLY_CONNECTED"} and last.index not in changed else None
        if folded is None or (last.op == "MEAN" and len(path) > 2):
            continue
        changed[last.index] = folded
        gone |= {each.index for each in path[:-1]}
    nodes = tuple(changed.get(node.index, node) for node in graph.nodes if node.index not in gone)
    return replace(graph, nodes=nodes)


def _folded(transpose: Node, reader: Node) -> Node | None:
    """The reader, on the transpose's input; None where it cannot be."""
    return _mean(transpose, reader) if reader.op == "MEAN" else _product(transpose, reader)


def _mean(transpose: Node, mean: Node) -> Node | None:
    """The same mean over the original's axes, if the axes that stay keep their order."""
    order = constant_values(transpose, 1)
    reduced = [order[axis] for axis in reduced_axes(mean)]
    stay = [axis for axis in order if axis not in reduced and transpose.input.shape[axis] > 1]
    if stay != sorted(stay):
        return None
    axes = np.array(reduced, np.int32)
    constant = Tensor(-1 - mean.index, "", axes.shape, "int32", None, axes)
    return replace(mean, inputs=(transpose.input, constant))


def _product(transpose: Node, product: Node) -> Node | None:
    """The same matrix product with its columns in the original's order."""
    weights, order = product.inputs[1], constant_values(transpose, 1)
    assert weights is not None
    if weights.data is None or weights.shape[1] != transpose.input.elements:
        return None
    places = np.arange(weights.shape[1]).reshape(transpose.input.shape).transpose(order).reshape(-1)
    data = np.empty_like(weights.data)
    data[:, places] = weights.data
    return replace(product, inputs=(transpose.input, replace(weights, data=data), *product.inputs[2:]))
