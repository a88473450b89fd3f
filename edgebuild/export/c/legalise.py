"""The second stage: the graph without what costs nothing at run time, and with what can be folded folded.

Every rewrite here is exact: the bytes that come out are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from edgebuild.export.c.cut_channels import cut_channels
from edgebuild.export.c.depthwise_as_convolution import depthwise_as_convolution
from edgebuild.export.c.fold_transposes import fold_transposes, moves_nothing
from edgebuild.export.c.fuse_clamps import fuse_clamps
from edgebuild.export.c.graph import Graph, Node, Tensor

VIEWS = {"RESHAPE", "SQUEEZE", "EXPAND_DIMS"}
"""Operations whose output has the bytes of their first input."""

CONVOLUTIONS = {"CONV_2D", "DEPTHWISE_CONV_2D"}


def legalise(graph: Graph) -> Graph:
    """Return the graph that is compiled."""
    for rewrite in (fold_transposes, depthwise_as_convolution, _fold_padding, fuse_clamps, cut_channels, _drop_views):
        graph = rewrite(graph)
    return graph


def drop_unused(graph: Graph) -> Graph:
    """Without nodes of which nothing is read: exporters leave some that compute the shapes of reshapes."""
    needed = {tensor.index for tensor in graph.outputs}
    kept = []
    for node in reversed(graph.nodes):
        if any(tensor.index in needed for tensor in node.outputs):
            needed |= {tensor.index for tensor in node.inputs if tensor is not None}
            kept.append(node)
    return replace(graph, nodes=tuple(reversed(kept)))


def _drop_views(graph: Graph) -> Graph:
    """Without reshapes and without QUANTIZE nodes that change nothing: their outputs share their inputs' bytes."""
    views = dict(graph.views)
    nodes = []
    for node in graph.nodes:
        if node.input.data is None and _is_view(node):
            views[node.output.index] = node.input.index
        else:
            nodes.append(node)
    return replace(graph, nodes=tuple(nodes), views=views)


def _is_view(node: Node) -> bool:
    if node.op == "TRANSPOSE":
        return moves_nothing(node)
    return node.op in VIEWS or (node.op == "QUANTIZE" and _same_numbers(node.input, node.output))


def _same_numbers(first: Tensor, second: Tensor) -> bool:
    return first.dtype == second.dtype and first.quantization == second.quantization


def _fold_padding(graph: Graph) -> Graph:
    """Give a PAD over height and width to the convolution that alone reads it: both pad with the zero point."""
    counts = graph.reader_counts()
    readers = {tensor.index: node for node in graph.nodes for tensor in node.computed_inputs()}
    folded: dict[int, Node] = {}
    for node in graph.nodes:
        pads = _foldable(node)
        reader = readers.get(node.output.index)
        if pads is not None and counts[node.output.index] == 1 and reader is not None and reader.op in CONVOLUTIONS:
            folded[reader.index] = _with_padding(reader, node.input, pads)
            folded[node.index] = node
    pads_gone = {index for index, node in folded.items() if node.op.startswith("PAD")}
    nodes = tuple(folded.get(node.index, node) for node in graph.nodes if node.index not in pads_gone)
    return replace(graph, nodes=nodes)


Padding = tuple[tuple[int, int], tuple[int, int]]


def _foldable(node: Node) -> Padding | None:
    """((top, bottom), (left, right)) of a PAD that pads height and width with the zero point; None of any other."""
    if node.op not in {"PAD", "PADV2"} or len(node.input.shape) != 4 or not _same_numbers(node.input, node.output):
        return None
    amounts = node.inputs[1]
    if amounts is None or amounts.data is None or node.input.dtype != "int8":
        return None
    if node.op == "PADV2":
        value = node.inputs[2]
        if value is None or value.data is None or int(value.data.reshape(-1)[0]) != node.input.zero_point:
            return None
    pads = np.asarray(amounts.data).reshape(-1, 2).tolist()
    if pads[0] != [0, 0] or pads[3] != [0, 0]:
        return None
    return (pads[1][0], pads[1][1]), (pads[2][0], pads[2][1])


def _with_padding(node: Node, source: Tensor, pads: Padding) -> Node:
    options: Mapping[str, Any] = {**node.options, "folded_padding": pads}
    return replace(node, inputs=(source, *node.inputs[1:]), options=options)
