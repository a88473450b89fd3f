"""The compiler's interface: a full-integer .tflite in, the files of a C99 library and the facts about it out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from edgebuild.errors import ConfigError
from edgebuild.export.c.check import check_graph
from edgebuild.export.c.choose import candidates, choose_kernel
from edgebuild.export.c.context import LayerContext, Source
from edgebuild.export.c.cores import Core, find_core
from edgebuild.export.c.emit import LayerCode, model_source
from edgebuild.export.c.graph import Graph, Node, Tensor
from edgebuild.export.c.header import Facts, Port, accessors, header
from edgebuild.export.c.kernel import Kernel
from edgebuild.export.c.legalise import legalise
from edgebuild.export.c.lifetimes import lifetimes, outputs_over_inputs
from edgebuild.export.c.macs import macs_of
from edgebuild.export.c.memory import Buffer, MemoryPlan, plan_memory
from edgebuild.export.c.patches import in_patches
from edgebuild.export.c.project import cmake_lists, example_main
from edgebuild.export.c.read import read_graph

_PREFIX = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class CompileOptions:
    """What a caller may choose.

    Attributes:
        prefix: of every public name and file, lower case.
        core: one of `cores.CORES`; decides which kernels may be used.
        kernels: layer symbol (`model_layer_03`) -> kernel name; the cheapest by its own estimate where left out.
        arena_limit: bytes that the arena should have at most: if it would be larger, the first layers are computed in
            bands of rows, as few as suffice. What cannot fit is compiled as small as it can be; nothing is refused.
    """

    prefix: str = "model"
    core: str = "generic"
    kernels: Mapping[str, str] = field(default_factory=dict)
    arena_limit: int | None = None


@dataclass(frozen=True)
class CompiledLayer:
    """One function of the library.

    Attributes:
        layer: the user's name for it, or the name of the tensor it computes.
        kernel: what computes it; `candidates` are all that could, cheapest estimate first.
        macs: multiplications of one inference; 0 where the operation is not counted in them.
    """

    symbol: str
    op: str
    layer: str
    kernel: str
    macs: int
    scratch_bytes: int
    output_shape: tuple[int, ...]
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True)
class CompiledModel:
    """The library.

    Attributes:
        files: name -> text; the same model and options give the same text.
        arena_bytes: RAM that a caller must provide, working memory included.
        arena_lower_bound: bytes that no arrangement of the same buffers can go below.
        weight_bytes: weights and biases in flash; `table_bytes` are multipliers, shifts and other tables.
        memory: where every buffer lies and when.
    """

    prefix: str
    core: str
    files: dict[str, str]
    arena_bytes: int
    arena_lower_bound: int
    weight_bytes: int
    table_bytes: int
    layers: tuple[CompiledLayer, ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    memory: MemoryPlan


@dataclass(frozen=True)
class _Layer:
    symbol: str
    node: Node
    kernel_name: str
    kernel: Kernel
    scratch: int
    candidates: tuple[str, ...]


def compile_model(data: bytes, label: str, options: CompileOptions) -> CompiledModel:
    """Compile the .tflite in `data`, called `label` in messages.

    Raises:
        ConfigError: the file is damaged or holds something that is not supported; the core or a kernel is unknown.
    """
    if _PREFIX.fullmatch(options.prefix) is None:
        msg = f"prefix {options.prefix!r} is not a lower-case C name, expected something like 'model' or 'my_net'"
        raise ConfigError(msg)
    core = find_core(options.core)
    graph = read_graph(data, label)
    check_graph(graph)
    graph = legalise(graph)
    check_graph(graph)
    if options.arena_limit is not None:
        graph = in_patches(
            graph, lambda cut: _plan(cut, _choose_all(cut, core, options))[0].arena_bytes, options.arena_limit
        )
    layers = _choose_all(graph, core, options)
    plan, offsets, scratch_offsets = _plan(graph, layers)
    source = Source()
    source.fragment("preamble.c")
    codes = [_emit(layer, source, offsets, scratch_offsets) for layer in layers]
    inputs = _ports(graph.inputs, graph.input_names, offsets)
    outputs = _ports(graph.outputs, graph.output_names, offsets)
    weight_bytes = source.constant_bytes.get("weights", 0)
    facts = Facts(label, hashlib.sha256(data).hexdigest(), core.name, plan.arena_bytes, weight_bytes)
    prefix = options.prefix
    files = {
        f"{prefix}.c": model_source(prefix, source, codes, accessors(prefix, inputs, outputs)),
        f"{prefix}.h": header(prefix, facts, inputs, outputs, codes),
        "CMakeLists.txt": cmake_lists(prefix),
        "main.c": example_main(prefix, len(inputs), len(outputs)),
    }
    return CompiledModel(
        prefix=prefix,
        core=core.name,
        files=files,
        arena_bytes=plan.arena_bytes,
        arena_lower_bound=plan.lower_bound,
        weight_bytes=weight_bytes,
        table_bytes=sum(source.constant_bytes.values()) - weight_bytes,
        layers=tuple(_facts_of(layer) for layer in layers),
        inputs=inputs,
        outputs=outputs,
        memory=plan,
    )


def _choose_all(graph: Graph, core: Core, options: CompileOptions) -> list[_Layer]:
    return [_choose(node, number, core, options) for number, node in enumerate(graph.nodes)]


def _choose(node: Node, number: int, core: Core, options: CompileOptions) -> _Layer:
    symbol = f"{options.prefix}_layer_{number:02d}"
    name, kernel = choose_kernel(node, symbol, core, options.kernels)
    able = tuple(other for other, _ in candidates(node, core))
    return _Layer(symbol, node, name, kernel, kernel.scratch_bytes(node), able)


def _facts_of(layer: _Layer) -> CompiledLayer:
    node = layer.node
    return CompiledLayer(
        symbol=layer.symbol,
        op=node.op,
        layer=node.layer,
        kernel=layer.kernel_name,
        macs=macs_of(node),
        scratch_bytes=layer.scratch,
        output_shape=node.output.shape,
        candidates=layer.candidates,
    )


def _emit(layer: _Layer, source: Source, offsets: Mapping[int, int], scratch_offsets: Mapping[str, int]) -> LayerCode:
    context = LayerContext(source, layer.symbol, layer.node, offsets, scratch_offsets.get(layer.symbol))
    return LayerCode(layer.symbol, layer.node, layer.kernel_name, layer.kernel.emit(layer.node, context))


def _ports(tensors: tuple[Tensor, ...], names: tuple[str, ...], offsets: Mapping[int, int]) -> tuple[Port, ...]:
    return tuple(
        Port(
            name=name,
            shape=tensor.shape,
            dtype=tensor.dtype,
            scale=tensor.scale if tensor.quantization else None,
            zero_point=tensor.zero_point if tensor.quantization else None,
            bytes=tensor.bytes,
            offset=offsets[tensor.index],
        )
        for name, tensor in zip(names, tensors, strict=True)
    )


def _plan(graph: Graph, layers: list[_Layer]) -> tuple[MemoryPlan, dict[int, int], dict[str, int]]:
    """The plan, and from it: tensor index -> offset, layer symbol -> offset of its working memory."""
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
    return plan, every, scratch_offsets
