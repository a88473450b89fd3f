"""Puts an activation that is a clamp of stored values into the clamp that the operation before it ends with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from edgebuild.export.c.activation import clamp_of
from edgebuild.export.c.graph import Graph, Node
from edgebuild.export.c.tables import TABLE_OPS, table_of

CLAMPED = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "SUB", "MUL", "AVERAGE_POOL_2D", "MAX_POOL_2D"}
"""Operations whose kernels end with a clamp."""


def fuse_clamps(graph: Graph) -> Graph:
    """Return the graph without activations that the operation before them can do; the bytes are the same."""
    producers = {node.output.index: node for node in graph.nodes if node.op in CLAMPED}
    fused: dict[int, Node] = {}
    gone: set[int] = set()
    readers = graph.reader_counts()
    for node in graph.nodes:
        before = producers.get(node.input.index)
        before = before and fused.get(before.index, before)
        bounds = None if before is None or readers[node.input.index] != 1 else _clamp(node, before)
        if before is None or bounds is None:
            continue
        options: Mapping[str, Any] = {**before.options, "clamp": bounds}
        output = replace(before.output, index=node.output.index)
        fused[before.index] = replace(before, outputs=(output,), options=options)
        producers[output.index] = before
        gone.add(node.index)
    nodes = tuple(fused.get(node.index, node) for node in graph.nodes if node.index not in gone)
    return replace(graph, nodes=nodes)


def _clamp(node: Node, before: Node) -> tuple[int, int] | None:
    """(smallest, largest) value if the node only clamps what the operation before it can give; None if it does more."""
    if node.op not in TABLE_OPS or {node.input.dtype, node.output.dtype} != {"int8"}:
        return None
    low, high = clamp_of(before)
    values = np.arange(low, high + 1)
    results = np.roll(table_of(node), 128)[values + 128].astype(np.int64)
    clamped = np.clip(values, results.min(), results.max())
    return (int(results.min()), int(results.max())) if np.array_equal(results, clamped) else None
