"""A float model in which chosen layers are rounded as the file would: weights, and activations where they are fixed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

    from edgebuild.model.fakequant.scheme import Scheme
    from edgebuild.model.fakequant.steps import Steps

_BATCH = 64
WEIGHT_STEPS = {"int8": 127, "int4": 7}
"""Type of a weight -> its largest magnitude in steps; both are symmetric."""


class Simulation:
    """One traced model with its batch norms folded, run with some of its layers rounded."""

    def __init__(
        self, graph: torch.fx.GraphModule, scheme: Scheme, steps: Mapping[str, Steps], per_channel: bool, coarse: str
    ) -> None:
        """`steps`: label of a group of activations -> its steps; empty where they are quantized at run time or not.

        `coarse` is the type of a rounded layer's weight, a key of `WEIGHT_STEPS`.
        """
        self._graph, self._scheme, self._steps = graph, scheme, steps
        self._per_channel, self._largest = per_channel or coarse == "int4", WEIGHT_STEPS[coarse]
        self._weights = {use.weight: use for use in scheme.weights}
        self._layers = {use.node: use.layer for use in scheme.weights}
        nodes = {node.name: node for node in graph.graph.nodes}
        rounded = frozenset(scheme.rounded)
        self._results = {_result(nodes[use.norm or use.node], rounded): use.layer for use in scheme.weights}

    def outputs(
        self, inputs: Mapping[str, np.ndarray], rounded: Collection[str], *, alone: bool = False
    ) -> list[np.ndarray]:
        """The model's outputs [n, ...] with the layers of `rounded` rounded.

        With `alone` nothing else is; without it the results of operations that have no weight are too, as in a file.
        """
        import torch
        from torch.utils import _pytree

        run = self._interpreter(frozenset(rounded), alone)
        length = len(next(iter(inputs.values())))
        pieces: list[list[np.ndarray]] = []
        with torch.no_grad():
            for start in range(0, length, _BATCH):
                batch = [torch.from_numpy(np.array(array[start : start + _BATCH])) for array in inputs.values()]
                pieces.append([value.numpy() for value in _pytree.tree_leaves(run.run(*batch))])
        return [np.concatenate(parts) for parts in zip(*pieces, strict=True)]

    def _interpreter(self, chosen: frozenset[str], alone: bool) -> Any:
        import torch

        from edgebuild.model.fakequant.rounding import round_activation, round_weight

        labels, group_of = self._scheme.labels(), self._scheme.group_of
        named = frozenset(self._scheme.rounded)
        outer = self

        def settle(value: Any, name: str) -> Any:
            steps = outer._steps.get(labels[group_of[name]]) if name in group_of else None
            fits = steps is not None and isinstance(value, torch.Tensor) and value.is_floating_point()
            return round_activation(value, steps) if fits and steps is not None else value

        class Rounded(torch.fx.Interpreter):
            def run_node(self, n: torch.fx.Node) -> Any:
                result = super().run_node(n)
                use = outer._weights.get(str(n.target)) if n.op == "get_attr" else None
                if use is not None and use.layer in chosen:
                    return round_weight(result, use.axis if outer._per_channel else None, outer._largest)
                maker = outer._results.get(n.name)
                if maker in chosen or (maker is None and not alone and n.name in named):
                    return settle(result, n.name)
                return result

            def fetch_args_kwargs_from_env(self, n: torch.fx.Node) -> Any:
                args, kwargs = super().fetch_args_kwargs_from_env(n)
                if outer._layers.get(n.name) in chosen:
                    args = (settle(args[0], n.all_input_nodes[0].name), *args[1:])
                return args, kwargs

        return Rounded(self._graph)


def _result(node: torch.fx.Node, rounded: frozenset[str]) -> str:
    """The node behind the layer at which its result is rounded: after a fused activation function."""
    while node.name not in rounded and len(node.users) == 1:
        node = next(iter(node.users))
    return str(node.name)
