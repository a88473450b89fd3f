"""Write operations on signals [n, channels, time] as those on images of height 1.

XNNPACK has kernels for images only: pooling of signals would stay portable, and a convolution of signals could not be
quantized at run time. Signals become images before the first such operation and signals again behind the last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch.fx import GraphModule, Node

_SIGNAL_RANK = 3
_HEIGHT = 2
"""The dimension of size 1 that makes an image of a signal."""

_UNARY = frozenset({"batch_norm", "clamp", "dropout", "elu", "gelu", "hardsigmoid", "hardswish", "hardtanh"}).union(
    {"leaky_relu", "relu", "relu6", "sigmoid", "silu", "tanh"}
)
_BINARY = frozenset({"add", "sub", "mul", "div", "maximum", "minimum"})


def signals_as_images(graph: GraphModule) -> GraphModule:
    """Rewrite a float graph in place; its inputs, outputs and numbers stay the same."""
    lift = _Lift(graph)
    for node in list(graph.graph.nodes):
        if node.op == "call_function":
            lift.visit(node)
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return graph


class _Lift:
    """Which signals of a graph there are as images too: `images` maps a node to the other one."""

    def __init__(self, graph: GraphModule) -> None:
        self.module, self.graph = graph, graph.graph
        self.images: dict[Node, Node] = {}

    def visit(self, node: Node) -> None:
        """Replace `node` by its counterpart for images, where it has one."""
        name = (
            str(node.target).removeprefix("aten.").split(".")[0].rstrip("_")
        )  # `relu_` writes to its input: the same here
        if name in _COUNTERPARTS:
            self._replace(node, *_COUNTERPARTS[name](self, node))
            return
        signals = [argument for argument in node.all_input_nodes if _rank(argument) == _SIGNAL_RANK]
        if not any(signal in self.images for signal in signals):
            return
        if name in _UNARY and node.args[0] in signals:
            self._replace(node, node.target, (self.image(node.args[0], node), *node.args[1:]))
        elif name in _BINARY and len(signals) == len(node.all_input_nodes):
            images = [self.image(a, node) if a in signals else a for a in node.args]
            self._replace(node, node.target, tuple(images))
        elif name == "mean" and _dimensions(node) == [_SIGNAL_RANK - 1]:
            self._mean(node)
        elif name == "flatten" and node.args[1:] in ((1,), (1, -1), (1, 2)):
            node.replace_input_with(signals[0], self.images[signals[0]])
            node.args = (node.args[0], 1)

    def image(self, signal: Any, reader: Node) -> Node:
        """The node of `signal` as an image; made right before `reader` where there is none yet."""
        if signal not in self.images:
            value = signal.meta["val"].unsqueeze(_HEIGHT)
            with self.graph.inserting_before(reader):
                self.images[signal] = self._view(signal, value, reader)
        return self.images[signal]

    def filter(self, weight: Any) -> Node:
        """The node of a stored filter [o, i, k] as [o, i, 1, k]."""
        import torch

        stored = weight.meta["val"].unsqueeze(_HEIGHT)
        owner, _, name = str(weight.target).rpartition(".")
        module = self.module.get_submodule(owner)
        values = getattr(module, name).detach().unsqueeze(_HEIGHT)
        module.register_parameter(f"{name}_of_images", torch.nn.Parameter(values, requires_grad=False))
        with self.graph.inserting_before(weight):
            node = self.graph.get_attr(f"{weight.target}_of_images")
        node.meta = {**weight.meta, "val": stored}
        return node

    def _replace(self, node: Node, target: Any, arguments: tuple[Any, ...]) -> None:
        """Put the operation on images in the place of `node`, and a signal behind it for whoever reads one."""
        value = node.meta["val"]
        with self.graph.inserting_before(node):
            image = self.graph.call_function(target, arguments, dict(node.kwargs))
            image.meta = {**node.meta, "val": value.unsqueeze(_HEIGHT)}
            signal = self._view(image, value, node)
        self.images[signal] = image
        node.replace_all_uses_with(signal)
        self.graph.erase_node(node)

    def _mean(self, node: Node) -> None:
        """Over time: over height and time, in the one form that XNNPACK has."""
        import torch

        value = node.meta["val"]
        pooled = value if value.dim() == _SIGNAL_RANK else value.unsqueeze(-1)
        with self.graph.inserting_before(node):
            image = self.graph.call_function(torch.ops.aten.mean.dim, (self.image(node.args[0], node), [-1, -2], True))
            image.meta = {**node.meta, "val": pooled.unsqueeze(_HEIGHT)}
            result = self._view(image, value, node)
        if value.dim() == _SIGNAL_RANK:
            self.images[result] = image
        node.replace_all_uses_with(result)
        self.graph.erase_node(node)

    def _view(self, node: Node, value: torch.Tensor, owner: Node) -> Node:
        import torch

        view = self.graph.call_function(torch.ops.aten.view.default, (node, list(value.shape)))
        view.meta = {**owner.meta, "val": value}
        return view


def _convolution(lift: _Lift, node: Node) -> tuple[Any, tuple[Any, ...]]:
    import torch

    signal, weight, *rest = node.args
    bias, stride, padding, dilation, groups = _filled(rest, (None, 1, 0, 1, 1))
    images = torch.ops.aten.conv2d
    pads = padding if isinstance(padding, str) else _wide(padding, 0)
    target = images.padding if isinstance(padding, str) else images.default
    arguments = (bias, _wide(stride), pads, _wide(dilation), groups)
    return target, (lift.image(signal, node), lift.filter(weight), *arguments)


def _max_pool(lift: _Lift, node: Node) -> tuple[Any, tuple[Any, ...]]:
    import torch

    signal, kernel, *rest = node.args
    stride, padding, dilation, ceil = _filled(rest, ((), 0, 1, False))
    arguments = (_wide(kernel), _wide(stride or kernel), _wide(padding, 0), _wide(dilation), ceil)
    return torch.ops.aten.max_pool2d.default, (lift.image(signal, node), *arguments)


def _average_pool(lift: _Lift, node: Node) -> tuple[Any, tuple[Any, ...]]:
    import torch

    signal, kernel, *rest = node.args
    stride, padding, ceil, padded = _filled(rest, ((), 0, False, True))
    arguments = (_wide(kernel), _wide(stride or kernel), _wide(padding, 0), ceil, padded)
    return torch.ops.aten.avg_pool2d.default, (lift.image(signal, node), *arguments)


def _adaptive_pool(lift: _Lift, node: Node) -> tuple[Any, tuple[Any, ...]]:
    import torch

    return torch.ops.aten.adaptive_avg_pool2d.default, (lift.image(node.args[0], node), _wide(node.args[1]))


_COUNTERPARTS: dict[str, Callable[[_Lift, Node], tuple[Any, tuple[Any, ...]]]] = {
    "conv1d": _convolution,
    "max_pool1d": _max_pool,
    "avg_pool1d": _average_pool,
    "adaptive_avg_pool1d": _adaptive_pool,
}
"""Operation on signals -> (its reader, the operation) -> the operation on images with its arguments."""


def _filled(given: list[Any], defaults: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of an operation, those that are left out as its schema has them."""
    return (*given, *defaults[len(given) :])


def _wide(size: Any, height: int = 1) -> list[int]:
    """`[k]` or `k` as `[height, k]`."""
    return [height, int(size[0] if isinstance(size, list | tuple) else size)]


def _rank(node: Node) -> int:
    return len(getattr(node.meta.get("val"), "shape", ()))


def _dimensions(node: Node) -> list[int]:
    """The dimensions that a mean is taken over, counted from the front."""
    given: Any = node.args[1] if len(node.args) > 1 else []
    return [int(one) % _SIGNAL_RANK for one in (given if isinstance(given, list | tuple) else [given])]
