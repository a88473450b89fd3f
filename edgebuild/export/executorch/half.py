"""Half precision: float16 weights and arithmetic, with float16 or float32 at the border of the file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def to_half(graph: torch.fx.GraphModule) -> torch.fx.GraphModule:
    """Turn every float parameter and buffer of `graph` to float16, in place; its inputs must be float16 then.

    So are the numbers that operations have as arguments: as numbers they would be cast each time, in portable kernels.
    """
    import torch

    aten = torch.ops.aten
    with_number = (aten.add.Tensor, aten.sub.Tensor, aten.mul.Tensor, aten.div.Tensor)
    for position, node in enumerate(list(graph.graph.nodes)):
        if node.target in with_number and isinstance(node.args[1], float):
            name = f"number_{position}"
            graph.register_buffer(name, torch.tensor([node.args[1]]))
            with graph.graph.inserting_before(node):
                node.args = (node.args[0], graph.graph.get_attr(name), *node.args[2:])
    graph.recompile()
    return graph.half()


def cast_border(graph: torch.fx.GraphModule) -> torch.fx.GraphModule:
    """Give a float16 graph float32 inputs and outputs by casts, in place.

    ExecuTorch runs these casts in its portable kernels: XNNPACK takes no change of dtype.
    """
    import torch

    for node in list(graph.graph.nodes):
        if node.op == "placeholder" and node.meta["val"].dtype == torch.float32:
            with graph.graph.inserting_after(node):
                cast = graph.graph.call_function(torch.ops.aten.to.dtype, (node, torch.float16))
            node.replace_all_uses_with(cast, delete_user_cb=lambda user, cast=cast: user is not cast)
        if node.op == "output":
            with graph.graph.inserting_before(node):
                node.args = (torch.fx.node.map_arg(node.args[0], lambda value: _to_float(graph, value)),)
    graph.recompile()
    return graph


@contextlib.contextmanager
def half_filters() -> Iterator[None]:
    """Store convolution filters as float16 while a float16 graph is lowered.

    The serializer widens them to float32, so that only Linear shrinks; XNNPACK takes float16 filters beside float16
    activations, and gives bit-identical results. Biases stay float32.
    """
    from executorch.backends.xnnpack.operators.node_visitor import NodeVisitor

    original = NodeVisitor.define_tensor

    def define_tensor(self: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("convert_to_nhwc"):  # the filter; a bias is never laid out
            kwargs["force_fp32"] = False
        return original(self, *args, **kwargs)

    NodeVisitor.define_tensor = define_tensor
    try:
        yield
    finally:
        NodeVisitor.define_tensor = original


def _to_float(graph: torch.fx.GraphModule, value: torch.fx.Node) -> torch.fx.Node:
    import torch

    return graph.graph.call_function(torch.ops.aten.to.dtype, (value, torch.float32))
