"""Multiplications of one layer, for reports."""

from __future__ import annotations

from edgebuild.export.c.graph import Node


def macs_of(node: Node) -> int:
    """Multiply-accumulates of one inference; 0 for operations that are not counted in them."""
    weights = node.inputs[1] if len(node.inputs) > 1 else None
    if node.op == "TRANSPOSE_CONV":
        assert weights is not None
        return node.input.elements * weights.elements // weights.shape[3]
    if weights is None:
        return 0
    if node.op == "FULLY_CONNECTED":
        return node.output.elements * weights.shape[1]
    if node.op == "CONV_2D":
        return node.output.elements * weights.elements // weights.shape[0]
    if node.op == "DEPTHWISE_CONV_2D":
        return node.output.elements * weights.shape[1] * weights.shape[2]
    return 0
