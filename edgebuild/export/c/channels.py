"""Channels whose value is always the same, and channels that nobody needs: found before they are cut out.

Training with weight decay and ReLU leaves many output channels of a convolution with no weights at all; every pixel of
such a channel has the same value, which can be folded into the bias of whoever reads it. Exact: no result changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgebuild.export.c.convolution import Convolution, convolution_of
from edgebuild.export.c.fixed_point import multiply
from edgebuild.export.c.graph import Graph, Node

PRODUCTS = {"CONV_2D", "FULLY_CONNECTED"}
"""Operations that mix all channels: they can be left out on both sides."""

CHANNELWISE = {"AVERAGE_POOL_2D", "MAX_POOL_2D", "RESHAPE"}
"""Operations whose output channel is computed from the same channel of the input alone, and is constant if that is."""


@dataclass(frozen=True)
class Constants:
    """Per channel of a tensor: whether its value is the same at every pixel, and that value (int64)."""

    known: np.ndarray
    values: np.ndarray


def unknown(channels: int) -> Constants:
    """Nothing is constant."""
    return Constants(np.zeros(channels, bool), np.zeros(channels, np.int64))


def constant_channels(graph: Graph) -> dict[int, Constants]:
    """Tensor index -> what is constant in it; tensors of which nothing is known are left out."""
    found: dict[int, Constants] = {}
    for node in graph.nodes:
        if len(node.outputs) != 1 or not node.input.shape:
            continue
        before = found.get(node.input.index, unknown(node.input.shape[-1]))
        if mixes(node):
            found[node.output.index] = _after_product(convolution_of(node), before)
        elif node.op == "DEPTHWISE_CONV_2D":
            found[node.output.index] = _after_depthwise(convolution_of(node), before)
        elif keeps_channels(node) and before.known.any():
            found[node.output.index] = before
    return found


def mixes(node: Node) -> bool:
    """Whether the node is a matrix product over all channels of its input."""
    if node.op not in PRODUCTS:
        return False
    convolution = convolution_of(node)
    return convolution.groups == 1 and convolution.in_c == node.input.shape[-1]


def keeps_channels(node: Node) -> bool:
    """Whether output channel c is computed from input channel c alone, without weights."""
    if node.op not in CHANNELWISE or not node.output.shape or node.input.quantization != node.output.quantization:
        return False
    if int(node.options.get("fusedActivationFunction", 0) or 0) != 0 or "clamp" in node.options:
        return False
    return node.output.shape[-1] == node.input.shape[-1]


def foldable(convolution: Convolution, before: Constants) -> np.ndarray:
    """Which constant input channels add the same to every output pixel: all, or those equal to the padding."""
    is_padding = before.values == convolution.input_zero_point
    everywhere = np.full(before.known.shape, convolution.has_interior_only)
    return np.asarray(before.known & (is_padding | everywhere))


def _results(convolution: Convolution, sums: np.ndarray, known: np.ndarray) -> Constants:
    values = [
        int(multiply(sums[channel : channel + 1], convolution.multipliers[channel])[0]) if known[channel] else 0
        for channel in range(convolution.out_c)
    ]
    shifted = np.array(values, np.int64) + convolution.output_zero_point
    return Constants(known, np.clip(shifted, convolution.clamp_min, convolution.clamp_max))


def _after_product(convolution: Convolution, before: Constants) -> Constants:
    weights = convolution.weights.astype(np.int64).reshape(convolution.out_c, -1, convolution.in_c)
    fixed = foldable(convolution, before)
    known = ~(weights != 0).any(axis=1)[:, ~fixed].any(axis=1)
    offsets = np.where(fixed, before.values - convolution.input_zero_point, 0)
    return _results(convolution, convolution.bias + weights.sum(axis=1) @ offsets, known)


def _after_depthwise(convolution: Convolution, before: Constants) -> Constants:
    weights = convolution.weights_by_channel
    fixed = np.repeat(foldable(convolution, before), convolution.depth_multiplier)
    offsets = np.repeat(before.values, convolution.depth_multiplier) - convolution.input_zero_point
    known = ~weights.any(axis=1) | fixed
    return _results(convolution, convolution.bias + np.where(fixed, weights.sum(axis=1) * offsets, 0), known)


def unneeded_channels(graph: Graph, constants: Mapping[int, Constants]) -> dict[int, np.ndarray]:
    """Tensor index -> per channel whether its one reader can do without it."""
    readers = graph.reader_counts()
    found: dict[int, np.ndarray] = {}
    for node in reversed(graph.nodes):
        tensor = node.input
        if not tensor.shape or tensor.data is not None or readers[tensor.index] != 1:
            continue
        after = found.get(node.output.index)
        if mixes(node):
            convolution = convolution_of(node)
            weights = convolution.weights.reshape(convolution.out_c, -1, convolution.in_c)
            fixed = foldable(convolution, constants.get(tensor.index, unknown(tensor.shape[-1])))
            found[tensor.index] = np.asarray(fixed | ~weights.any(axis=(0, 1)))
        elif node.op == "DEPTHWISE_CONV_2D" and after is not None:
            found[tensor.index] = np.asarray(after.reshape(tensor.shape[-1], -1).all(axis=1))
        elif keeps_channels(node) and after is not None:
            found[tensor.index] = after
    return found
