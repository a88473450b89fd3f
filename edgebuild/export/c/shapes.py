"""What the constant inputs of operations that only move or reduce data say: axes, paddings, slices."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edgebuild.export.c.graph import Node


def constant_values(node: Node, index: int) -> list[int]:
    """The values of a constant integer input, flat."""
    tensor = node.inputs[index]
    assert tensor is not None
    assert tensor.data is not None
    return [int(value) for value in tensor.data.reshape(-1)]


def reduced_axes(node: Node) -> list[int]:
    """The axes of a MEAN, from 0, each once, ascending."""
    rank = len(node.input.shape)
    return sorted({axis % rank for axis in constant_values(node, 1)})


def reduction_groups(node: Node) -> tuple[int, int, int, int, int] | None:
    """Sizes (kept, reduced, kept, reduced, kept) of neighbouring axes taken together; None where it takes more."""
    reduced = set(reduced_axes(node))
    groups = [1]
    for axis, size in enumerate(node.input.shape):
        if size == 1:
            continue
        if (axis in reduced) != (len(groups) % 2 == 0):
            groups.append(1)
        groups[-1] *= size
    if len(groups) > 5:
        return None
    if len(groups) <= 3:  # one reduced group: it is the second, whose values lie next to each other
        outer, middle, inner = (*groups, 1, 1)[:3]
        return outer, 1, 1, middle, inner
    first, second, third, fourth, fifth = (*groups, 1)[:5]
    return first, second, third, fourth, fifth


def strides(shape: Sequence[int]) -> list[int]:
    """Elements from one index to the next along each axis."""
    return [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]


def slice_of(node: Node) -> tuple[list[int], list[int], list[int]]:
    """(begin, step, count) per axis of the input, of a SLICE or STRIDED_SLICE."""
    shape = node.input.shape
    if node.op == "SLICE":
        begin = constant_values(node, 1)
        sizes = constant_values(node, 2)
        counts = [
            size if size >= 0 else length - first for size, length, first in zip(sizes, shape, begin, strict=True)
        ]
        return begin, [1] * len(shape), counts
    begin, end, step = (constant_values(node, index) for index in (1, 2, 3))
    starts: list[int] = []
    steps: list[int] = []
    counts = []
    for axis, length in enumerate(shape):
        if axis >= len(begin):
            starts, steps, counts = [*starts, 0], [*steps, 1], [*counts, length]
            continue
        first, last = _bounds(node, axis, begin[axis], end[axis], step[axis], length)
        starts.append(first)
        steps.append(step[axis])
        counts.append(max(0, -(-(last - first) // step[axis])))
    return starts, steps, counts


def _bounds(node: Node, axis: int, begin: int, end: int, step: int, length: int) -> tuple[int, int]:
    """The first index and the one behind the last, as Python's slices count them, masks applied."""
    begin_masked = bool(int(node.options.get("beginMask", 0)) >> axis & 1)
    end_masked = bool(int(node.options.get("endMask", 0)) >> axis & 1)
    if int(node.options.get("shrinkAxisMask", 0)) >> axis & 1:
        first = begin % length if -length <= begin < length else 0
        return first, first + (1 if step > 0 else -1)
    chosen = slice(None if begin_masked else begin, None if end_masked else end, step)
    first, last, _ = chosen.indices(length)
    return first, last
