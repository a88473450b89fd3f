"""Keep hooks on the layers of an instrumented model working: each layer is handed what it would have computed."""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def add_taps(model: torch.nn.Module, graph: torch.fx.Graph) -> tuple[torch.nn.Module, ...]:
    """Pass the result of every layer of `graph` through the layer's own module, whose forward hands it on.

    A layer has a tap where exactly one of its results is read outside of it. A layer that was folded into another one
    has none.
    """
    tapped: dict[int, torch.nn.Module] = {}
    layers = dict(model.named_modules(remove_duplicate=False))
    for path, node in _results(graph):
        module = layers.get(path)
        if module is None:
            continue  # the tracer's own names, of nodes that compute sizes
        with graph.inserting_after(node):
            tap = graph.create_node("call_module", path, (node,))
        tap.meta = dict(node.meta)
        node.replace_all_uses_with(tap, delete_user_cb=functools.partial(operator.is_not, tap))
        if id(module) not in tapped:
            module.forward = _hand_on
            tapped[id(module)] = module
    return tuple(tapped.values())


def _hand_on(x: torch.Tensor) -> torch.Tensor:
    return x


def _results(graph: torch.fx.Graph) -> list[tuple[str, torch.fx.Node]]:
    """(dotted name of a layer, its one result) per call of a layer, inner layers before those around them."""
    members: dict[tuple[str, str], list[torch.fx.Node]] = {}
    for node in graph.nodes:
        for key, (path, _) in node.meta.get("nn_module_stack", {}).items():
            if path and node.op in ("call_function", "call_module"):
                members.setdefault((key, path), []).append(node)
    found = []
    for (_, path), nodes in members.items():
        inside = set(nodes)
        ends = [node for node in nodes if any(user not in inside for user in node.users)]
        if len(ends) == 1:
            found.append((".".join(part.split("@")[0] for part in path.split(".")), ends[0]))
    return sorted(found, key=lambda one: -one[0].count("."))
