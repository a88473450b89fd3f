"""Channels last at the borders of a graph: the order of bytes that every layer sees, said where the tracer cannot know.

The program keeps the model's dimensions and says the order of the bytes (`dim_order`), so that XNNPACK, which computes
channels last anyway, needs no transpose at the border.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgebuild.export.format import Layout

if TYPE_CHECKING:
    import torch
    from torch.export import ExportedProgram

_RANK_WITH_LAYOUT = 4


def lay_out(
    graph: torch.fx.GraphModule, inputs: Sequence[torch.Tensor], layout: Layout
) -> tuple[torch.fx.GraphModule, tuple[torch.Tensor, ...]]:
    """Give 4-D inputs and outputs of a float or quantized graph the layout, in place."""
    import torch

    if layout == "nchw":
        return graph, tuple(tensor.contiguous() for tensor in inputs)
    last = torch.channels_last
    _pool_by_mean(graph)
    _flatten_in_model_order(graph)
    placeholders = [node for node in graph.graph.nodes if node.op == "placeholder"]
    for node, tensor in zip(placeholders, inputs, strict=True):
        if tensor.dim() == _RANK_WITH_LAYOUT and tensor.is_contiguous() and tensor.is_contiguous(memory_format=last):
            _say_order(graph, node)
    output = next(node for node in graph.graph.nodes if node.op == "output")

    def lay(value: torch.fx.Node) -> torch.fx.Node:
        if _rank(value) != _RANK_WITH_LAYOUT:
            return value
        return graph.graph.call_function(torch.ops.aten.contiguous.default, (value,), {"memory_format": last})

    with graph.graph.inserting_before(output):
        output.args = (torch.fx.node.map_arg(output.args[0], lay),)
    graph.recompile()
    return graph, tuple(t.contiguous(memory_format=last) if t.dim() == _RANK_WITH_LAYOUT else t for t in inputs)


def keep_reordering(exported: ExportedProgram) -> None:
    """Write the reordering of an output as a copy, where the tracer found that one is needed, in place.

    As a clone it would stay portable after a float operation, and be dropped, order and all, after a dequantize.
    """
    import torch

    for node in exported.graph.nodes:
        if node.target != torch.ops.aten.contiguous.default or "memory_format" not in node.kwargs:
            continue
        wanted = node.kwargs["memory_format"]
        if not node.args[0].meta["val"].is_contiguous(memory_format=wanted):
            node.target = torch.ops.aten._to_copy.default


def say_order_of_images(graph: torch.fx.GraphModule) -> None:
    """Copy to channels last what a reshape makes 4-D; for a float graph whose activations are quantized at run time.

    There XNNPACK's lowering looks for the order of a convolution's input in the first tensor of the whole chain.
    """
    import torch

    aten = torch.ops.aten
    _pool_by_mean(graph)
    for node in list(graph.graph.nodes):
        if node.target not in (aten.view.default, aten.reshape.default, aten.unsqueeze.default, aten.unflatten.int):
            continue
        if _rank(node) == _RANK_WITH_LAYOUT and _rank(node.args[0]) != _RANK_WITH_LAYOUT:
            readers = list(node.users)
            ordered = _reordered(graph, node, torch.channels_last)
            ordered.meta = {**node.meta, "val": node.meta["val"].contiguous(memory_format=torch.channels_last)}
            for reader in readers:
                reader.replace_input_with(node, ordered)
    graph.recompile()


def _say_order(graph: torch.fx.GraphModule, node: torch.fx.Node) -> None:
    """Copy an input of one channel to channels last: the same bytes, but only so do later layers know the order."""
    import torch

    while len(node.users) == 1 and _is_conversion(next(iter(node.users))):
        node = next(iter(node.users))
    readers = list(node.users)
    ordered = _reordered(graph, node, torch.channels_last)
    for reader in readers:
        reader.replace_input_with(node, ordered)


def _flatten_in_model_order(graph: torch.fx.GraphModule) -> None:
    """Put channels first before whatever reads feature maps as vectors; the tracer's own copy would stay portable."""
    import torch

    aten = torch.ops.aten
    for node in list(graph.graph.nodes):
        if node.target in (aten.flatten.using_ints, aten.view.default, aten.reshape.default):
            source = node.args[0]
            if _rank(source) == _RANK_WITH_LAYOUT and not _is_vector(source):
                node.replace_input_with(source, _reordered(graph, source, torch.contiguous_format))


def _reordered(graph: torch.fx.GraphModule, source: torch.fx.Node, order: torch.memory_format) -> torch.fx.Node:
    """Behind `source` a copy of it in another order of bytes, quantized as it is."""
    import torch

    def behind(node: torch.fx.Node, target: Any, *rest: Any, **kwargs: Any) -> torch.fx.Node:
        with graph.graph.inserting_after(node):
            return graph.graph.call_function(target, (node, *rest), kwargs)

    copy = behind(source, torch.ops.aten._to_copy.default, memory_format=order)
    if "dequantize_per_tensor.default" not in str(source.target):
        return copy
    quantize: Any = source.args[0]
    stored = behind(copy, quantize.target, *quantize.args[1:], **quantize.kwargs)
    return behind(stored, source.target, *source.args[1:], **source.kwargs)


def _is_conversion(node: torch.fx.Node) -> bool:
    """True for a cast, quantize or dequantize of one fixed scale: they keep shape and order."""
    import torch

    return node.target == torch.ops.aten.to.dtype or "quantize_per_tensor.default" in str(node.target)


def _recorded(value: torch.fx.Node) -> torch.fx.Node:
    """The nearest node before `value`, or itself, whose result is on record: conversions bring no record of theirs."""
    while "val" not in value.meta and value.all_input_nodes:
        value = value.all_input_nodes[0]
    return value


def _rank(value: torch.fx.Node) -> int:
    return len(getattr(_recorded(value).meta.get("val"), "shape", ()))


def _is_vector(value: torch.fx.Node) -> bool:
    """True for feature maps of one pixel or one channel: both orders are the same bytes."""
    _, channels, height, width = _recorded(value).meta["val"].shape
    return bool(channels == 1 or height * width == 1)


def _pool_by_mean(graph: torch.fx.GraphModule) -> None:
    """Write global average pooling as a mean: traced channels last it brings an as_strided that stays portable."""
    import torch

    for node in graph.graph.nodes:
        if node.target == torch.ops.aten.adaptive_avg_pool2d.default and set(_pair(node.args[1])) == {1}:
            node.target = torch.ops.aten.mean.dim
            node.args = (node.args[0], [-1, -2], True)


def _pair(size: Any) -> tuple[Any, ...]:
    return tuple(size) if isinstance(size, list | tuple) else (size, size)
