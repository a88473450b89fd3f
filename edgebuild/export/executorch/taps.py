"""Extra outputs on a graph: the result of every layer, taken where the lowered file has it too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgebuild.export.executorch.layers import layer_of

if TYPE_CHECKING:
    import torch

_FOLDED = ("batch_norm", "relu", "relu_", "relu6", "hardtanh", "hardtanh_", "clamp")
"""Operations that the delegate folds into the one before them."""
_MOVES_ONLY = ("view", "flatten", "reshape", "dropout", "permute", "transpose", "contiguous", "to", "getitem", "clone")


@dataclass(frozen=True)
class Tap:
    """One observed layer.

    Attributes:
        layer: the layer that computes: of a group of folded operations the first.
        node: name of the last operation of the group, the same in the float graph.
    """

    layer: str
    node: str


def add_taps(graph: torch.fx.GraphModule) -> tuple[Tap, ...]:
    """Append the result of every layer to the outputs of `graph`, in place; return the taps in order.

    A result that is quantized is taken behind its quantization, so that the file still computes it as before.
    """
    import torch
    from torch.utils import _pytree

    output = next(node for node in graph.graph.nodes if node.op == "output")
    results: list[torch.fx.Node] = []
    torch.fx.node.map_arg(output.args[0], results.append)
    taps = []
    for node in [node for node in graph.graph.nodes if _is_end(node)]:
        taps.append(Tap(str(layer_of(_start(node))), node.name))
        results.append(_observed(graph, node))
    output.args = (tuple(results),)
    # The module was traced with fewer outputs; its code must return as many as there are now.
    information = graph.graph._codegen.pytree_info  # type: ignore[attr-defined]
    structure = _pytree.tree_structure(tuple(range(len(results))))
    graph.graph._codegen.pytree_info = information._replace(out_spec=structure)  # type: ignore[attr-defined]
    graph.recompile()
    return tuple(taps)


def float_node(graph: torch.fx.GraphModule, tap: Tap) -> str:
    """The node of the float graph whose value `tap` observes: behind a batch norm that the quantizer folded."""
    node = next(node for node in graph.graph.nodes if node.name == tap.node)
    while len(node.users) == 1 and _operation(next(iter(node.users))) == "batch_norm":
        node = next(iter(node.users))
    return str(node.name)


def _is_end(node: torch.fx.Node) -> bool:
    """True for the last operation of a layer."""
    if node.op != "call_function" or _is_quantizing(node) or _operation(node) in _MOVES_ONLY:
        return False
    if layer_of(node) is None or not _is_float(node):
        return False
    users = list(node.users)
    return not (len(users) == 1 and _operation(users[0]) in _FOLDED)


def _start(node: torch.fx.Node) -> torch.fx.Node:
    """The first operation of the group that ends at `node`."""
    while _operation(node) in _FOLDED:
        before = node.all_input_nodes[0]
        if before.op != "call_function" or _is_quantizing(before) or len(before.users) > 1:
            break
        node = before
    return node


def _observed(graph: torch.fx.GraphModule, node: torch.fx.Node) -> torch.fx.Node:
    for quantized in _static_quantizers(node):
        decoder = next(user for user in quantized.users if "dequantize" in str(user.target))
        with graph.graph.inserting_after(quantized):
            return graph.graph.node_copy(decoder)
    return node


def _static_quantizers(node: torch.fx.Node) -> Iterator[torch.fx.Node]:
    static = "quantized_decomposed.quantize_per_tensor.default"
    return (user for user in node.users if str(user.target) == static)


def _is_quantizing(node: torch.fx.Node) -> bool:
    """True for nodes that only quantize, dequantize or find the range for it."""
    if _operation(node) == "getitem":
        return _is_quantizing(node.all_input_nodes[0])
    return str(node.target).startswith("quantized_decomposed")


def _is_float(node: torch.fx.Node) -> bool:
    value = node.meta.get("val")
    return value is None or (hasattr(value, "is_floating_point") and value.is_floating_point())


def _operation(node: torch.fx.Node) -> str:
    if "getitem" in str(node.target):
        return "getitem"
    return str(node.target).removeprefix("aten.").split(".")[0]
