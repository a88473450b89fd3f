"""Turns depthwise convolutions of one input channel into plain ones, which they are: those have faster kernels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgebuild.export.c.graph import Graph, Node, Quantization


def depthwise_as_convolution(graph: Graph) -> Graph:
    """Return the graph with every such node rewritten; no number changes."""
    return replace(graph, nodes=tuple(_rewritten(node) for node in graph.nodes))


def _rewritten(node: Node) -> Node:
    if node.op != "DEPTHWISE_CONV_2D" or node.input.shape[3] != 1:
        return node
    weights = node.inputs[1]
    assert weights is not None
    assert weights.data is not None
    data = np.ascontiguousarray(weights.data.transpose(3, 1, 2, 0))
    quantization = weights.quantization
    if quantization is not None and quantization.axis is not None:
        quantization = Quantization(quantization.scales, quantization.zero_points, 0)
    moved = replace(weights, data=data, shape=data.shape, quantization=quantization)
    return replace(node, op="CONV_2D", inputs=(node.input, moved, *node.inputs[2:]))
