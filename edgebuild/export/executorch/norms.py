"""Write layer norms and means of sequences [n, steps, features] in operations that XNNPACK has.

It has a mean of images over height and width, with both kept, and no layer norm; either would stay portable, and cut
the graph around it into delegates that hand their tensors over through memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.fx import GraphModule, Node

_SEQUENCE_RANK = 3
_EPSILON = 1e-5
"""What torch adds to the variance where the model does not say it."""


def delegate_means(graph: GraphModule) -> GraphModule:
    """Rewrite the means of a float graph in place."""
    import torch

    return _rewrite(graph, torch.ops.aten.mean.dim, _mean)


def delegate_norms(graph: GraphModule) -> GraphModule:
    """Rewrite the layer norms of a float graph in place; numbers differ by rounding only.

    Not for integers of a fixed scale: the squares in the middle have too wide a range.
    """
    import torch

    return _rewrite(graph, torch.ops.aten.layer_norm.default, _layer_norm)


def _rewrite(graph: GraphModule, target: Any, write: Callable[[_Writer, Node], Node | None]) -> GraphModule:
    for node in list(graph.graph.nodes):
        if node.target != target or _rank(node.args[0]) != _SEQUENCE_RANK:
            continue
        with graph.graph.inserting_before(node):
            result = write(_Writer(graph, node), node)
        if result is not None:
            node.replace_all_uses_with(result)
            graph.graph.erase_node(node)
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return graph


class _Writer:
    """Adds operations that belong to the layer of `owner`, with their values on record."""

    def __init__(self, graph: GraphModule, owner: Node) -> None:
        self.graph, self.owner = graph.graph, owner

    def call(self, target: Any, *arguments: Any) -> Node:
        """One operation at the place where the graph is being written."""
        node = self.graph.call_function(target, arguments)
        values = [argument.meta["val"] if _is_node(argument) else argument for argument in arguments]
        node.meta = {**self.owner.meta, "val": target(*values)}
        return node

    def mean_of_features(self, x: Node) -> Node:
        """[n, a, b] -> [n, a, 1]: the image has `a` channels, and one row of `b` pixels."""
        import torch

        n, a, b = x.meta["val"].shape
        image = self.call(torch.ops.aten.view.default, x, [n, a, 1, b])
        pooled = self.call(torch.ops.aten.mean.dim, image, [-1, -2], True)
        return self.call(torch.ops.aten.view.default, pooled, [n, a, 1])


def _layer_norm(write: _Writer, node: Node) -> Node | None:
    import torch

    aten = torch.ops.aten
    given: Any = node.args
    x, shape, weight, bias, epsilon = (*given, *(None, None, _EPSILON)[len(given) - 2 :])[:5]
    if len(shape) != 1:
        return None
    centred = write.call(aten.sub.Tensor, x, write.mean_of_features(x))
    variance = write.mean_of_features(write.call(aten.mul.Tensor, centred, centred))
    scale = write.call(aten.rsqrt.default, write.call(aten.add.Tensor, variance, epsilon))
    result = write.call(aten.mul.Tensor, centred, scale)
    if weight is not None:
        result = write.call(aten.mul.Tensor, result, weight)
    return result if bias is None else write.call(aten.add.Tensor, result, bias)


def _mean(write: _Writer, node: Node) -> Node | None:
    import torch

    x: Any = node.args[0]
    dimensions = _dimensions(node)
    if dimensions not in ([1], [2]):
        return None
    source = write.call(torch.ops.aten.permute.default, x, [0, 2, 1]) if dimensions == [1] else x
    return write.call(torch.ops.aten.view.default, write.mean_of_features(source), list(node.meta["val"].shape))


def _dimensions(node: Node) -> list[int]:
    """The dimensions that a mean is taken over, counted from the front."""
    given: Any = node.args[1]
    return [int(one) % _SEQUENCE_RANK for one in (given if isinstance(given, list | tuple) else [given])]


def _rank(value: Any) -> int:
    return len(value.meta["val"].shape) if _is_node(value) and hasattr(value.meta.get("val"), "shape") else 0


def _is_node(value: Any) -> bool:
    import torch

    return isinstance(value, torch.fx.Node)
