"""The compiler's interface: a full-integer .tflite in, the files of a C99 library and the facts about it out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from edgebuild.errors import ConfigError
from edgebuild.export.c.check import check_graph
from edgebuild.export.c.choose import candidates, lighter_kernels
from edgebuild.export.c.cores import Core, find_core
from edgebuild.export.c.emit import model_source
from edgebuild.export.c.graph import Graph, Tensor
from edgebuild.export.c.header import Facts, Port, accessors, header
from edgebuild.export.c.kernel import KERNELS
from edgebuild.export.c.layout import Layer, Layout, choose_layers, emit_layers, lay_out
from edgebuild.export.c.legalise import drop_unused, legalise
from edgebuild.export.c.macs import macs_of
from edgebuild.export.c.memory import MemoryPlan
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
        constant_limit: bytes that weights and tables should have at most: if they would have more, layers of few
            distinct weights store them as 4-bit indices, the largest first, as far as that is needed and helps.
        codebooks: every layer of few distinct weights stores them so, wherever that is fewer bytes.
    """

    prefix: str = "model"
    core: str = "generic"
    kernels: Mapping[str, str] = field(default_factory=dict)
    arena_limit: int | None = None
    constant_limit: int | None = None
    codebooks: bool = False


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


def compile_model(data: bytes, label: str, options: CompileOptions) -> CompiledModel:
    """Compile the .tflite in `data`, called `label` in messages.

    Raises:
        ConfigError: the file is damaged or holds something that is not supported; the core or a kernel is unknown.
    """
    if _PREFIX.fullmatch(options.prefix) is None:
        msg = f"prefix {options.prefix!r} is not a lower-case C name, expected something like 'model' or 'my_net'"
        raise ConfigError(msg)
    core = find_core(options.core)
    graph = drop_unused(read_graph(data, label))
    check_graph(graph)
    graph = legalise(graph)
    check_graph(graph)
    graph, layers, layout = _arrange(graph, core, options)
    source, codes = emit_layers(layers, layout)
    inputs = _ports(graph.inputs, graph.input_names, layout.offsets)
    outputs = _ports(graph.outputs, graph.output_names, layout.offsets)
    weight_bytes = source.constant_bytes.get("weights", 0)
    facts = Facts(label, hashlib.sha256(data).hexdigest(), core.name, layout.plan.arena_bytes, weight_bytes)
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
        arena_bytes=layout.plan.arena_bytes,
        arena_lower_bound=layout.plan.lower_bound,
        weight_bytes=weight_bytes,
        table_bytes=sum(source.constant_bytes.values()) - weight_bytes,
        layers=tuple(_facts_of(layer, core) for layer in layers),
        inputs=inputs,
        outputs=outputs,
        memory=layout.plan,
    )


def _arrange(graph: Graph, core: Core, options: CompileOptions) -> tuple[Graph, list[Layer], Layout]:
    """Kernels and memory, within the limits if that can be."""

    def layers_of(cut: Graph, wanted: Mapping[str, str]) -> list[Layer]:
        return choose_layers(cut, options.prefix, core, wanted)

    def arena_of(cut: Graph) -> int:
        return lay_out(cut, layers_of(cut, options.kernels)).plan.arena_bytes

    if options.arena_limit is not None:
        graph = in_patches(graph, arena_of, options.arena_limit)
    layers = layers_of(graph, options.kernels)
    layout = lay_out(graph, layers)
    limit = 0 if options.codebooks else options.constant_limit
    if limit is None:
        return graph, layers, layout
    excess = sum(emit_layers(layers, layout)[0].constant_bytes.values()) - limit
    chosen = {layer.symbol: (layer.node, layer.kernel) for layer in layers if layer.symbol not in options.kernels}
    layers = layers_of(graph, {**lighter_kernels(chosen, core, excess), **options.kernels})
    return graph, layers, lay_out(graph, layers)


def codebook_layers(compiled: CompiledModel) -> tuple[CompiledLayer, ...]:
    """The layers that store indices into a table of values instead of weights."""
    return tuple(layer for layer in compiled.layers if KERNELS.get(layer.kernel).has_codebook)


def _facts_of(layer: Layer, core: Core) -> CompiledLayer:
    node = layer.node
    return CompiledLayer(
        symbol=layer.symbol,
        op=node.op,
        layer=node.layer,
        kernel=layer.kernel_name,
        macs=macs_of(node),
        scratch_bytes=layer.scratch,
        output_shape=node.output.shape,
        candidates=tuple(name for name, _ in candidates(node, core)),
    )


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
