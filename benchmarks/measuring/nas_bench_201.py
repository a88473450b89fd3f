"""Cells of NAS-Bench-201 as the operations of the whole network.

The network around the cells is that of Dong & Yang 2020, NAS-Bench-201, section 2.1 and figure 1: a 3 x 3 convolution
to 16 channels; three stacks of five cells with 16, 32 and 64 channels, and between them a residual block of stride 2;
global average pooling and a linear layer. Pictures of CIFAR-10: 32 x 32 x 3, ten classes (HW-NAS-Bench, Li et al. 2021,
from which HELP, Lee et al. 2021, has its Raspberry Pi 4 and Pixel 3).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from edgebuild.estimate.predictor.workload import Kind, Operation, Workload

CELLS = 5
SIDE, CHANNELS, CLASSES = 32, 16, 10
FLOAT = 4
_INPUT, _OUTPUT = 0, 3
_NONE, _SKIP, _POOL = "none", "skip_connect", "avg_pool_3x3"
_KERNELS = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}

Reading = Literal["as written", "without dead code"]
"""`as written` runs every operation of a cell; `without dead code` only those that a converter leaves in the file."""

Edge = tuple[int, int, str]
"""(from node, to node, operation)"""


def edges_of(cell: str) -> tuple[Edge, ...]:
    """`|op~0|+|op~0|op~1|+|op~0|op~1|op~2|` as edges between the four nodes."""
    nodes = [node.strip("|").split("|") for node in cell.split("+")]
    return tuple(
        (int(source), target, operation)
        for target, inputs in enumerate(nodes, 1)
        for operation, source in (edge.rsplit("~", 1) for edge in inputs)
    )


def workload_of(cell: str, reading: Reading) -> Workload:
    """All operations of the network that is made of `cell`, in fp32."""
    edges = edges_of(cell)
    left = _without_dead_code(edges) if reading == "without dead code" else edges
    if not any(source == _INPUT and operation != _NONE for source, _, operation in left):
        # Nothing of the picture reaches the end: the converter computes all of it ahead.
        return Workload((Operation("dense", 0, FLOAT * CLASSES),), "fp32")
    operations, side, channels = [*_convolution(SIDE, 3, 3, CHANNELS)], SIDE, CHANNELS
    for stack in range(3):
        if stack:
            operations += _residual_block(side, channels)
            side, channels = side // 2, channels * 2
        operations += CELLS * list(_cell(left, side, channels))
    operations.append(Operation("pooling", side**2 * channels, FLOAT * channels * (side**2 + 1)))
    operations.append(Operation("dense", channels * CLASSES, FLOAT * (channels + CLASSES), FLOAT * channels * CLASSES))
    return Workload(tuple(operations), "fp32")


def _without_dead_code(edges: Sequence[Edge]) -> tuple[Edge, ...]:
    """What is left in the files that were timed.

    Poolings and sums that do not reach the output are gone. Convolutions are gone too, unless an edge `none` ends at an
    inner node of the cell; then they stay, read from the times of Pixel 3, which would be shorter without them.
    """
    live = {_OUTPUT}
    for node in (2, 1, _INPUT):
        if any(source == node and target in live and operation != _NONE for source, target, operation in edges):
            live.add(node)
    stays = any(target != _OUTPUT and operation == _NONE for _, target, operation in edges)
    return tuple(edge for edge in edges if edge[2] != _NONE and (edge[1] in live or (stays and edge[2] in _KERNELS)))


def _cell(edges: Sequence[Edge], side: int, channels: int) -> Iterator[Operation]:
    size = FLOAT * side**2 * channels
    for _, _, operation in edges:
        if operation in _KERNELS:
            yield Operation("activation", 0, 2 * size)
            yield from _convolution(side, _KERNELS[operation], channels, channels)
        elif operation == _POOL:
            yield Operation("pooling", 9 * side**2 * channels, 2 * size)
    for node in (1, 2, _OUTPUT):
        arriving = sum(target == node and operation != _NONE for _, target, operation in edges)
        for _ in range(arriving - 1):
            yield Operation("elementwise", 0, 3 * size)


def _residual_block(side: int, channels: int) -> Iterator[Operation]:
    """Two 3 x 3 convolutions, the first of stride 2; beside them average pooling and a 1 x 1 convolution."""
    half, wide = side // 2, 2 * channels
    yield Operation("activation", 0, 2 * FLOAT * side**2 * channels)
    yield from _convolution(half, 3, channels, wide, source=side)
    yield Operation("activation", 0, 2 * FLOAT * half**2 * wide)
    yield from _convolution(half, 3, wide, wide)
    yield Operation("pooling", side**2 * channels, FLOAT * channels * (side**2 + half**2))
    yield from _convolution(half, 1, channels, wide)
    yield Operation("elementwise", 0, 3 * FLOAT * half**2 * wide)


def _convolution(side: int, kernel: int, inputs: int, outputs: int, source: int = 0) -> Iterator[Operation]:
    kind: Kind = "pointwise" if kernel == 1 else "convolution"
    weights = kernel**2 * inputs * outputs
    moved = (source or side) ** 2 * inputs + side**2 * outputs
    yield Operation(kind, side**2 * weights, FLOAT * moved, FLOAT * (weights + outputs))
