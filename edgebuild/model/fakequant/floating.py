"""Which operations of a traced model compute in floating point, where some of its layers stay in it.

Integers begin again where they are needed: an operation without a weight that reads nothing but floating-point results
computes in floating point too, as does what stands between an input of the model and a layer that stays in it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from edgebuild.model.fakequant.operations import WEIGHTED, is_activation, operation

if TYPE_CHECKING:
    import torch

_MAY_READ_STORED = frozenset({"add", "sub", "mul", "div", "batch_norm", "layer_norm", "group_norm", "instance_norm"})
"""Others that read a stored tensor have it for a weight, in integers like all other weights."""


def float_nodes(graph: torch.fx.Graph, layers: Collection[str]) -> frozenset[torch.fx.Node]:
    """The nodes whose results are floating point because the weights of `layers` are; inputs of the model among them.

    Args:
        graph: traced by torch.export.
        layers: dotted names of the layers that own these weights; none: no node.
    """
    behind: set[Any] = set()
    before: set[Any] = set()
    for node in graph.nodes if layers else ():
        if node.op == "placeholder" and is_activation(node):
            before.add(node)
        elif owner_of_weight(node) in layers:
            behind.add(node)
        elif is_activation(node) and _has_no_weight(node):
            sources = {source for source in node.all_input_nodes if is_activation(source)}
            if sources and sources <= behind | before:
                (behind if sources & behind else before).add(node)
    found = set(behind)
    for node in reversed(graph.nodes):
        if node in before and not found.isdisjoint(node.users):
            found.add(node)
    return frozenset(found)


def owner_of_weight(node: torch.fx.Node) -> str | None:
    """Dotted name of the layer whose stored weight a convolution or linear operation reads; None for other nodes."""
    if node.op != "call_function" or operation(node) not in WEIGHTED:
        return None
    weight: Any = node.args[1]
    return str(weight.target).rpartition(".")[0] if getattr(weight, "op", None) == "get_attr" else None


def _has_no_weight(node: torch.fx.Node) -> bool:
    name = operation(node)
    reads_stored = any(source.op == "get_attr" for source in node.all_input_nodes)
    return name not in WEIGHTED and (not reads_stored or name in _MAY_READ_STORED)
