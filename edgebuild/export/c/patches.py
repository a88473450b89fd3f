"""Runs the first layers patch by patch: a band of rows through all of them, then the next, so that none is ever whole.

Method: Lin et al., MCUNetV2: Memory-Efficient Patch-based Inference for Tiny Deep Learning (2021). A band needs some
rows of its neighbours, which are computed twice; that is the price. It is a rewrite of the graph: every band has nodes
of its own, on parts of the input and of the last layer's output, and the memory plan sees how little lives at a time.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from edgebuild.export.c.convolution import padding_before
from edgebuild.export.c.graph import Graph, Node, Part, Tensor
from edgebuild.export.c.macs import macs_of
from edgebuild.export.c.tables import TABLE_OPS

WINDOWED = {"CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "MAX_POOL_2D"}

MOST_LAYERS = 8
"""Layers that run in bands: behind them images are small, and windows reach over most of them."""

BANDS = (2, 3, 4, 6, 8, 12, 16)
"""How many are tried."""


@dataclass(frozen=True)
class Reach:
    """How rows of a layer's output depend on rows of its input: stride, rows of a window, rows of padding above."""

    stride: int
    window: int
    pad_top: int
    pad_left: int

    def needed(self, rows: tuple[int, int]) -> tuple[int, int]:
        """(first, behind the last) input row of output rows, those in the padding included."""
        first, end = rows
        return first * self.stride - self.pad_top, (end - 1) * self.stride - self.pad_top + self.window


def in_patches(graph: Graph, fits: Callable[[Graph], int], limit: int) -> Graph:
    """The graph with as few rows computed twice as make `fits` (bytes of arena) at most `limit`.

    Where no way of cutting it fits, the one that needs the least memory; the same graph where that is none at all.
    """
    best, least = graph, fits(graph)
    if least <= limit:
        return graph
    for cut in sorted(_cuts(graph), key=_work):
        needed = fits(cut)
        if needed < least:
            best, least = cut, needed
        if needed <= limit:
            break
    return best


def _work(graph: Graph) -> tuple[int, int]:
    return sum(macs_of(node) for node in graph.nodes), len(graph.nodes)


def _cuts(graph: Graph) -> Iterator[Graph]:
    chain = _first_layers(graph)
    for length in range(2, min(len(chain), MOST_LAYERS) + 1):
        rows = chain[length - 1].output.shape[1]
        for bands in (count for count in BANDS if count <= rows):
            cut = cut_into_bands(graph, length, bands)
            if cut is not None:
                yield cut


def _first_layers(graph: Graph) -> list[Node]:
    """The chain of layers, from the first on, each of which alone reads the one before."""
    counts, chain = graph.reader_counts(), list[Node]()
    viewed = set(graph.views.values())
    for node in graph.nodes:
        index = node.input.index
        follows = not chain or index == chain[-1].output.index
        if not follows or not _by_rows(node) or counts[index] != 1 or index in viewed:
            break
        chain.append(node)
    return chain


def _by_rows(node: Node) -> bool:
    shape = node.input.shape
    return len(shape) == 4 and shape[0] == 1 and (node.op in WINDOWED or node.op in TABLE_OPS)


def cut_into_bands(graph: Graph, length: int, bands: int) -> Graph | None:
    """The graph whose first `length` layers run once for each of `bands` bands of the last one's rows.

    None where a band would be made of padding alone.
    """
    layers, rest = graph.nodes[:length], graph.nodes[length:]
    fresh = itertools.count(1 + max(tensor.index for node in graph.nodes for tensor in (*node.outputs, node.input)))
    rows = layers[-1].output.shape[1]
    parts: dict[int, Part] = dict(graph.parts)
    made: list[Node] = []
    for band in range(bands):
        wanted = _wanted(layers, (rows * band // bands, rows * (band + 1) // bands))
        if any(first >= end for first, end in wanted):
            return None
        made += _band(layers, wanted, fresh, parts)
    return replace(graph, nodes=(*made, *rest), parts=parts)


def _wanted(layers: tuple[Node, ...], rows: tuple[int, int]) -> list[tuple[int, int]]:
    """(first, behind the last) row of the input and of every layer's output that `rows` of the last one need."""
    wanted = [rows]
    for node in reversed(layers):
        first, end = _reach(node).needed(wanted[0])
        wanted.insert(0, (max(first, 0), min(end, node.input.shape[1])))
    return wanted


def _band(
    layers: tuple[Node, ...], wanted: list[tuple[int, int]], fresh: Iterator[int], parts: dict[int, Part]
) -> list[Node]:
    """The nodes of one band."""
    source = _part(layers[0].input, wanted[0], fresh, parts)
    nodes = []
    for number, node in enumerate(layers):
        is_last = number == len(layers) - 1
        target = _rows_of(node.output, wanted[number + 1], next(fresh))
        if is_last:
            target = _part(node.output, wanted[number + 1], fresh, parts)
        reach = _reach(node)
        above = wanted[number][0] - reach.needed(wanted[number + 1])[0]
        options: Mapping[str, Any] = {**node.options, "pads": (max(above, 0), reach.pad_left)}
        nodes.append(replace(node, inputs=(source, *node.inputs[1:]), outputs=(target,), options=options))
        source = target
    return nodes


def _rows_of(tensor: Tensor, rows: tuple[int, int], index: int) -> Tensor:
    images, _, width, channels = tensor.shape
    return replace(tensor, index=index, shape=(images, rows[1] - rows[0], width, channels))


def _part(tensor: Tensor, rows: tuple[int, int], fresh: Iterator[int], parts: dict[int, Part]) -> Tensor:
    """Rows of a tensor that is whole in memory."""
    made = _rows_of(tensor, rows, next(fresh))
    row_bytes = tensor.bytes // tensor.shape[1]
    parts[made.index] = Part(tensor, rows[0] * row_bytes)
    return made


def _reach(node: Node) -> Reach:
    if node.op not in WINDOWED:
        return Reach(1, 1, 0, 0)
    options = node.options
    if node.op.endswith("POOL_2D"):
        kernel = (int(options["filterHeight"]), int(options["filterWidth"]))
    else:
        weights = node.inputs[1]
        assert weights is not None
        kernel = (weights.shape[1], weights.shape[2])
    stride = (int(options["strideH"]), int(options["strideW"]))
    dilation = (int(options.get("dilationHFactor", 1) or 1), int(options.get("dilationWFactor", 1) or 1))
    sizes = node.input.shape[1:3], node.output.shape[1:3]
    top, left = padding_before(*sizes, kernel, stride, dilation, node)
    return Reach(stride[0], (kernel[0] - 1) * dilation[0] + 1, top, left)
