"""The graph of a model that takes batches of any size, as the scheme of its quantization is read from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from edgebuild.errors import ConfigError
from edgebuild.model.user_code import describe_exception

if TYPE_CHECKING:
    import torch

_BATCH = 2
"""A batch of one would be taken for a fixed size."""


def trace_batches(model: torch.nn.Module, samples: Mapping[str, np.ndarray]) -> torch.fx.GraphModule:
    """Trace `model` in eval mode, for batches of any size; the graph reads the model's own parameters.

    Args:
        model: is left in eval mode.
        samples: input name -> [n, ...] with n of at least 2, in the order of the model's arguments.

    Raises:
        ConfigError: the model cannot be traced, or takes one batch size only.
    """
    import torch

    model.eval()
    tensors = tuple(torch.from_numpy(np.array(array[:_BATCH])) for array in samples.values())
    shapes = tuple({0: torch.export.Dim.AUTO} for _ in tensors)
    try:
        with torch.no_grad():
            traced = torch.export.export(model, tensors, dynamic_shapes=shapes).module()
    except Exception as error:  # torch.export raises errors of many unrelated types for the user's control flow
        msg = f"the model cannot be traced for batches of any size: {describe_exception(error)}"
        raise ConfigError(
            msg, remedy="forward may not depend on the values of tensors, nor on the batch size"
        ) from error
    graph: torch.fx.GraphModule = traced
    for node in graph.graph.nodes:
        value = node.meta.get("val")
        if node.op == "placeholder" and isinstance(value.shape[0], int):
            msg = "the model's code fixes the number of samples in a batch; this step runs it on batches"
            raise ConfigError(msg, remedy="take the batch size from the input: x.shape[0], or -1 in a reshape")
    for node in list(graph.graph.nodes):
        if node.op == "call_module" and node.target == "_guards_fn":
            graph.graph.erase_node(node)
    return graph
