"""The layers of a traced model that own a weight which a format can quantize, and those at the model's ends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgebuild.model.fakequant.operations import LINEAR, WEIGHTED, is_activation, layer, operation

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class WeightedLayer:
    """One layer.

    Attributes:
        name: dotted.
        operation: `linear`, `conv2d`, … that it calls.
        shape: of its weight, as PyTorch stores it.
        groups: of a convolution; 1 for a linear layer.
        is_first: no other such layer stands between an input of the model and it.
        is_last: no other such layer stands between it and an output of the model.
    """

    name: str
    operation: str
    shape: tuple[int, ...]
    groups: int
    is_first: bool
    is_last: bool


def weighted_layers(graph: torch.fx.Graph) -> tuple[WeightedLayer, ...]:
    """The layers of a graph traced by torch.export, in forward order.

    What a layer's forward does not call by itself is left out: attention reads the weights of its projections, which
    are no layers in a file, and a weight that is computed is none that a file has.
    """
    owners = {node: str(node.args[1].target).rpartition(".")[0] for node in graph.nodes if _is_own(node)}
    first = _nearest(owners, [node for node in graph.nodes if node.op == "placeholder"], lambda node: node.users)
    ends = [node for node in graph.nodes if node.op == "output"]
    last = _nearest(owners, ends, lambda node: node.all_input_nodes)
    found: dict[str, WeightedLayer] = {}
    for node, name in owners.items():
        shape = tuple(int(size) for size in node.args[1].meta["val"].shape)
        groups = _groups(node)
        found.setdefault(name, WeightedLayer(name, operation(node), shape, groups, name in first, name in last))
    return tuple(found.values())


def _is_own(node: Any) -> bool:
    """True for an operation on a stored weight, called in the forward of the layer that owns it."""
    if node.op != "call_function" or operation(node) not in WEIGHTED:
        return False
    weight = node.args[1]
    return getattr(weight, "op", None) == "get_attr" and str(weight.target) == f"{layer(node)}.weight"


def _groups(node: Any) -> int:
    given = node.args[6:7] if operation(node) != LINEAR else ()
    return int(given[0]) if given else 1


def _nearest(owners: dict[Any, str], starts: Iterable[Any], onwards: Any) -> set[str]:
    """The layers that are reached first when walking on from `starts`, over activations only."""
    found: set[str] = set()
    seen: set[Any] = set()
    row = list(starts)
    while row:
        node = row.pop()
        for near in onwards(node):
            if near in seen or not is_activation(near):
                continue
            seen.add(near)
            if near in owners:
                found.add(owners[near])
            else:
                row.append(near)
    return found
