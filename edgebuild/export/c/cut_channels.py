"""Cuts out channels that always have the same value or that nobody needs; `channels.py` finds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from edgebuild.export.c.channels import (
    Constants,
    constant_channels,
    foldable,
    keeps_channels,
    mixes,
    unknown,
    unneeded_channels,
)
from edgebuild.export.c.convolution import convolution_of
from edgebuild.export.c.graph import Graph, Node, Quantization, Tensor

MULTIPLE = 4
"""What is left of a tensor's channels is a multiple of this, as far as it has as many: kernels take four at a time."""


def cut_channels(graph: Graph) -> Graph:
    """Return the graph without them; the same graph if there are none."""
    constants = constant_channels(graph)
    kept = _kept(graph, unneeded_channels(graph, constants))
    if not kept:
        return graph
    nodes = tuple(_cut(node, kept, constants) for node in graph.nodes)
    return replace(graph, nodes=nodes)


def _kept(graph: Graph, unneeded: Mapping[int, np.ndarray]) -> dict[int, np.ndarray]:
    """Tensor index -> numbers of the channels that stay, for every tensor that loses some."""
    gone: dict[int, np.ndarray] = {}
    for node in graph.nodes:
        index, wanted = node.output.index, unneeded.get(node.output.index)
        if wanted is None:
            continue
        if mixes(node):
            gone[index] = _rounded(wanted)
        elif node.op == "DEPTHWISE_CONV_2D" and node.input.index in gone:
            factor = convolution_of(node).depth_multiplier
            gone[index] = np.repeat(gone[node.input.index], factor)
        elif keeps_channels(node) and node.input.index in gone:
            gone[index] = gone[node.input.index]
    return {index: np.flatnonzero(~out) for index, out in gone.items() if out.any()}


def _rounded(unneeded: np.ndarray) -> np.ndarray:
    """Which channels go, so that a multiple of MULTIPLE stays."""
    needed = int((~unneeded).sum())
    stay = min(unneeded.size, max(1, -(-needed // MULTIPLE)) * MULTIPLE)
    gone = np.array(unneeded)
    gone[np.flatnonzero(unneeded)[: stay - needed]] = False
    return gone


def _cut(node: Node, kept: Mapping[int, np.ndarray], constants: Mapping[int, Constants]) -> Node:
    before, after = kept.get(node.input.index), kept.get(node.output.index)
    if before is None and after is None:
        return node
    inputs = list(node.inputs)
    inputs[0] = _shrunk(node.input, before)
    if mixes(node):
        inputs[1:3] = _product_constants(node, before, after, constants)
    elif node.op == "DEPTHWISE_CONV_2D":
        inputs[1:3] = [_sliced(tensor, -1, after) for tensor in _weights_and_bias(node)]
    return replace(node, inputs=tuple(inputs), outputs=(_shrunk(node.output, after),))


def _weights_and_bias(node: Node) -> tuple[Tensor, Tensor]:
    """A convolution's weights and bias; a bias of 0 where it has none."""
    weights = node.inputs[1]
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    assert weights is not None
    if bias is None:
        count = node.output.shape[-1]
        bias = Tensor(-1 - node.index, "", (count,), "int32", None, np.zeros(count, np.int32))
    return weights, bias


def _product_constants(
    node: Node, before: np.ndarray | None, after: np.ndarray | None, constants: Mapping[int, Constants]
) -> list[Tensor | None]:
    """Weights and bias of a matrix product: what the cut input channels add goes into the bias."""
    weights, bias = _weights_and_bias(node)
    assert weights.data is not None
    assert bias.data is not None
    if before is not None:
        convolution = convolution_of(node)
        known = constants.get(node.input.index, unknown(convolution.in_c))
        cut = np.ones(convolution.in_c, bool)
        cut[before] = False
        offsets = np.where(cut & foldable(convolution, known), known.values - convolution.input_zero_point, 0)
        added = convolution.weights.astype(np.int64).reshape(convolution.out_c, -1, convolution.in_c).sum(axis=1)
        total = bias.data.astype(np.int64).reshape(-1) + added @ offsets
        bias = replace(bias, data=total.astype(np.int32), shape=(total.size,))
        weights = _sliced(weights, -1, before)
    return [_sliced(weights, 0, after), _sliced(bias, 0, after)]


def _sliced(tensor: Tensor, axis: int, kept: np.ndarray | None) -> Tensor:
    """A constant with some slices along an axis, and their scales."""
    if kept is None:
        return tensor
    assert tensor.data is not None
    data = np.ascontiguousarray(np.take(tensor.data, kept, axis=axis))
    quantization = tensor.quantization
    if quantization and quantization.axis is not None and quantization.axis == axis % data.ndim:
        quantization = Quantization(
            tuple(quantization.scales[channel] for channel in kept),
            tuple(quantization.zero_points[channel] for channel in kept),
            quantization.axis,
        )
    return replace(tensor, data=data, shape=data.shape, quantization=quantization)


def _shrunk(tensor: Tensor, kept: np.ndarray | None) -> Tensor:
    return tensor if kept is None else replace(tensor, shape=(*tensor.shape[:-1], int(kept.size)))
