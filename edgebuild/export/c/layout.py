"""The layers of a graph with their kernels, and where in the arena everything they touch lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgebuild.export.c.choose import choose_kernel
from edgebuild.export.c.context import LayerContext, Source
from edgebuild.export.c.cores import Core
from edgebuild.export.c.emit import LayerCode
from edgebuild.export.c.graph import Graph, Node
from edgebuild.export.c.kernel import Kernel
from edgebuild.export.c.lifetimes import lifetimes, outputs_over_inputs
from edgebuild.export.c.memory import Buffer, MemoryPlan, plan_memory


@dataclass(frozen=True)
class Layer:
    """One node and what computes it; `scratch` are the bytes of working memory that takes."""

    symbol: str
    node: Node
    kernel_name: str
    kernel: Kernel
    scratch: int


@dataclass(frozen=True)
class Layout:
    """A plan of the arena, and from it: tensor index -> offset, layer symbol -> offset of its working memory."""

    plan: MemoryPlan
    offsets: Mapping[int, int]
    scratch_offsets: Mapping[str, int]


def choose_layers(graph: Graph, prefix: str, core: Core, wanted: Mapping[str, str]) -> list[Layer]:
    """A kernel for every node; `wanted` maps symbols to names of kernels."""
    layers = []
    for number, node in enumerate(graph.nodes):
        symbol = f"{prefix}_layer_{number:02d}"
        name, kernel = choose_kernel(node, symbol, core, wanted)
        layers.append(Layer(symbol, node, name, kernel, kernel.scratch_bytes(node)))
    return layers


def lay_out(graph: Graph, layers: Sequence[Layer]) -> Layout:
    """Plan the arena."""
    lives = lifetimes(graph)
    numbers = {index: number for number, index in enumerate(lives)}
    over = outputs_over_inputs(graph, [layer.kernel for layer in layers], lives)
    buffers = [
        Buffer(
            name=life.name,
            size=life.bytes,
            first=life.first,
            last=life.last,
            over={numbers[other]: distance for other, distance in over.get(index, {}).items()},
        )
        for index, life in lives.items()
    ]
    working = [(step, layer) for step, layer in enumerate(layers) if layer.scratch]
    buffers += [Buffer(f"{layer.symbol} (working memory)", layer.scratch, step, step) for step, layer in working]
    plan = plan_memory(buffers)
    offsets = {index: plan.offsets[number] for index, number in numbers.items()}
    tensors = [*graph.inputs, *graph.outputs]
    tensors += [tensor for node in graph.nodes for tensor in (*node.computed_inputs(), *node.outputs)]
    every = {tensor.index: offsets[graph.buffer(tensor)] + graph.offset(tensor) for tensor in tensors}
    scratch_offsets = {layer.symbol: plan.offsets[len(numbers) + place] for place, (_, layer) in enumerate(working)}
    return Layout(plan, every, scratch_offsets)


def emit_layers(layers: Sequence[Layer], layout: Layout) -> tuple[Source, list[LayerCode]]:
    """The C of every layer, and the constants and shared code that they use."""
    source = Source()
    source.fragment("preamble.c")
    codes = []
    for layer in layers:
        scratch = layout.scratch_offsets.get(layer.symbol)
        context = LayerContext(source, layer.symbol, layer.node, layout.offsets, scratch)
        codes.append(LayerCode(layer.symbol, layer.node, layer.kernel_name, layer.kernel.emit(layer.node, context)))
    return source, codes
