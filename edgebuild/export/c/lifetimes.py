"""When every buffer of the arena is needed, and which outputs may lie over the inputs they are computed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgebuild.export.c.graph import Graph, Node, Tensor
from edgebuild.export.c.kernel import Kernel


@dataclass
class Life:
    """A buffer is needed from step `first` to step `last`; inputs begin at -1, outputs end behind the last node."""

    name: str
    bytes: int
    first: int
    last: int


def lifetimes(graph: Graph) -> dict[int, Life]:
    """Buffer (index of the tensor that owns it) -> its life, in the order in which buffers are first needed."""
    lives: dict[int, Life] = {}

    def touch(tensor: Tensor, step: int) -> None:
        size = graph.buffer_bytes(tensor)
        life = lives.setdefault(graph.buffer(tensor), Life(tensor.name, size, step, step))
        life.bytes = max(life.bytes, size)
        life.last = max(life.last, step)

    for tensor in graph.inputs:
        touch(tensor, -1)
    for step, node in enumerate(graph.nodes):
        for tensor in (*node.computed_inputs(), *node.outputs):
            touch(tensor, step)
    for tensor in graph.outputs:
        touch(tensor, len(graph.nodes))
    return lives


def outputs_over_inputs(graph: Graph, kernels: Sequence[Kernel], lives: dict[int, Life]) -> dict[int, dict[int, int]]:
    """Buffer of an output -> {buffer of an input that dies with it: bytes by which the output must begin earlier}."""
    found: dict[int, dict[int, int]] = {}
    for step, (node, kernel) in enumerate(zip(graph.nodes, kernels, strict=True)):
        if len(node.outputs) != 1 or node.output.index in graph.parts:
            continue
        output = graph.buffer(node.output)
        for buffer, distance in _distances(graph, node, kernel).items():
            if lives[buffer].last == step and buffer != output and lives[output].first == step:
                found.setdefault(output, {})[buffer] = distance
    return found


def _distances(graph: Graph, node: Node, kernel: Kernel) -> dict[int, int]:
    """Input buffer -> the distance that satisfies every input that reads it; left out where one forbids it."""
    distances: dict[int, int] = {}
    forbidden = set()
    for index, tensor in enumerate(node.inputs):
        if tensor is None or tensor.data is not None:
            continue
        buffer, distance = graph.buffer(tensor), kernel.overlap(node, index)
        if distance is None or tensor.index in graph.parts:
            forbidden.add(buffer)
        else:
            distances[buffer] = max(distances.get(buffer, 0), distance)
    return {buffer: distance for buffer, distance in distances.items() if buffer not in forbidden}
