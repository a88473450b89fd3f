"""Make a model compute in rounded numbers: its forward becomes its graph with roundings in it, until it is undone."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.errors import ConfigError
from edgebuild.model.fakequant.activation_range import activation_range
from edgebuild.model.fakequant.operations import operation
from edgebuild.model.fakequant.scheme import Scheme, WeightUse, scheme_of
from edgebuild.model.fakequant.steps import Steps
from edgebuild.model.fakequant.taps import add_taps
from edgebuild.model.fakequant.trace import trace_batches
from edgebuild.model.fakequant.weights import Round, exact, folded_norm, rounded_weight, rounding_along

if TYPE_CHECKING:
    import torch

INSIDE = "fake_quantization"
"""Name under which the roundings are a child of the model, so that its state dict holds the ranges."""


@dataclass(frozen=True)
class Rounding:
    """How numbers are rounded.

    Attributes:
        per_channel: kind of operation (`linear`, `convolution`) -> one scale per output channel of its weight.
        momentum: of the ranges that follow the activations; None: the widest ever seen.
        float_layers: those that stay in floating point.
    """

    per_channel: Mapping[str, bool]
    momentum: float | None
    float_layers: Collection[str] = ()

    def of(self, use: WeightUse) -> Round:
        """How the weight of one operation is rounded."""
        return exact if use.exact else rounding_along(use.axis if self.per_channel[use.kind] else None)


@dataclass(frozen=True)
class Instrumented:
    """A model whose forward rounds: a child module holds the ranges.

    Attributes:
        ranges: one module per group, in their order.
        folded: node of a weight's operation -> its module with the batch norm folded in.
        tapped: modules whose forward hands its input on, so that hooks on them see what their layer computes.
    """

    model: torch.nn.Module
    scheme: Scheme
    ranges: tuple[Any, ...]
    folded: Mapping[str, Any]
    tapped: tuple[torch.nn.Module, ...]

    def steps(self) -> tuple[Steps, ...]:
        """Of every group, as they are now."""
        return tuple(found.steps() for found in self.ranges)

    def start_ranges(self, samples: Mapping[str, np.ndarray], batch: int = 64) -> None:
        """Let every range begin as the widest over `samples` (input name -> [n, ...]); nothing else is changed."""
        import torch

        self.model.eval()
        momenta = [found.momentum for found in self.ranges]
        for found in self.ranges:
            found.momentum, found.observing = None, True
            found.train()
        with torch.no_grad():
            for start in range(0, min(len(array) for array in samples.values()), batch):
                arrays = (np.array(array[start : start + batch]) for array in samples.values())
                self.model(*(torch.from_numpy(array) for array in arrays))
        for found, momentum in zip(self.ranges, momenta, strict=True):
            found.momentum = momentum
        self.model.eval()

    def remove(self) -> None:
        """Give the model its own forward back, without roundings."""
        for module in (self.model, *self.tapped):
            del module.forward
        delattr(self.model, INSIDE)


def instrument_training(model: torch.nn.Module, samples: Mapping[str, np.ndarray], rounding: Rounding) -> Instrumented:
    """Let `model` round weights and activations in training and evaluation; batch norms are folded as it goes.

    Dropout and batch norms that are not folded work in training mode as in the user's model.

    Raises:
        ConfigError: the model cannot be traced for batches, or has a layer that cannot be trained in integer steps.
    """
    traced = trace_batches(model, samples)
    scheme = scheme_of(traced.graph, rounding.float_layers)
    if not scheme.weights:
        msg = "qat: the model has no convolution and no linear layer with a stored weight, so nothing would be trained"
        raise ConfigError(msg, remedy="use quantize: {kind: static} for this model")
    return _Builder(model, traced, scheme).training(rounding)


def instrument_fixed(
    model: torch.nn.Module,
    samples: Mapping[str, np.ndarray],
    steps: Mapping[str, Steps],
    float_layers: Collection[str] = (),
) -> Instrumented:
    """Let `model`, whose weights are on their steps already, round its activations to `steps` (by label of group).

    `float_layers` are those that stayed in floating point.

    Raises:
        ConfigError: the model has not the groups that `steps` were trained for.
    """
    traced = trace_batches(model, samples)
    scheme = scheme_of(traced.graph, float_layers)
    check_labels(scheme, steps)
    return _Builder(model, traced, scheme).fixed(steps)


def check_labels(scheme: Scheme, steps: Mapping[str, Steps]) -> None:
    """See that trained ranges are those of the model.

    Raises:
        ConfigError: they are not.
    """
    if set(scheme.labels()) != set(steps):
        missing = ", ".join(sorted(set(scheme.labels()) ^ set(steps))[:4])
        msg = f"the trained activation ranges are not those of the model: {missing}"
        raise ConfigError(msg, remedy="the ranges belong to another version of the model's code; run the build again")


class _Builder:
    def __init__(self, model: torch.nn.Module, traced: torch.fx.GraphModule, scheme: Scheme) -> None:
        import torch

        self.model, self.traced, self.graph, self.scheme = model, traced, traced.graph, scheme
        self.inside = torch.nn.Module()
        self.nodes = {node.name: node for node in self.graph.nodes}
        self.folded: dict[str, Any] = {}

    def training(self, rounding: Rounding) -> Instrumented:
        for number, use in enumerate(self.scheme.weights):
            self._round_weight(use, f"weight_{number}", rounding.of(use))
        self._revive()
        return self._finish(
            lambda label, fixed, places: activation_range(places, rounding.momentum, Steps(*fixed) if fixed else None)
        )

    def fixed(self, steps: Mapping[str, Steps]) -> Instrumented:
        return self._finish(lambda label, fixed, places: activation_range(places, steps=steps[label]))

    def _round_weight(self, use: WeightUse, name: str, rounding: Round) -> None:
        node = self.nodes[use.node]
        weight = node.args[1]
        if use.norm is None:
            self.inside.add_module(name, rounded_weight(rounding))
            with self.graph.inserting_before(node):
                rounded = self.graph.create_node("call_module", f"{INSIDE}.{name}", (weight,))
            node.args = (node.args[0], rounded, *node.args[2:])
            return
        norm = self.nodes[use.norm]
        given = self.model.get_submodule(str(use.norm_layer))
        self.folded[use.node] = folded_norm(given, node.target, tuple(node.args[3:]), use.axis, rounding)
        self.inside.add_module(name, self.folded[use.node])
        with self.graph.inserting_before(norm):
            result = self.graph.create_node("call_module", f"{INSIDE}.{name}", tuple(node.args[:3]))
        self._take_over(norm, result)
        self.graph.erase_node(node)
        self.nodes[use.node] = result

    def _revive(self) -> None:
        """Let dropout and batch norms that stay follow the model's mode: the trace has them as they are in eval."""
        import torch

        for node in list(self.graph.nodes):
            name = operation(node)
            if node.op != "call_function" or name not in ("dropout", "feature_dropout", "batch_norm"):
                continue
            if name == "batch_norm":
                mean: Any = node.args[3]
                owner = str(mean.target).rpartition(".")[0] if getattr(mean, "op", None) == "get_attr" else ""
                if not owner:
                    continue
                module = _own_forward(self.model.get_submodule(owner))
            else:
                kind = torch.nn.Dropout if name == "dropout" else torch.nn.Dropout2d
                module = kind(float(node.args[1]))
            self.inside.add_module(node.name, module)
            with self.graph.inserting_before(node):
                result = self.graph.create_node("call_module", f"{INSIDE}.{node.name}", (node.args[0],))
            self._take_over(node, result)

    def _take_over(self, node: torch.fx.Node, result: torch.fx.Node) -> None:
        result.meta = dict(node.meta)
        node.replace_all_uses_with(result)
        self.graph.erase_node(node)
        self.nodes[node.name] = result

    def _finish(self, make: Callable[[str, tuple[float, int] | None, int], Any]) -> Instrumented:
        places = [0] * len(self.scheme.groups)
        for name in self.scheme.places():
            node, group = self.nodes[name], self.scheme.group_of[name]
            with self.graph.inserting_after(node):
                rounded = self.graph.create_node("call_module", f"{INSIDE}.range_{group}", (node, places[group]))
            places[group] += 1
            if name in self.scheme.handed:
                self._hand_over(node, rounded, [self.nodes[reader] for reader in self.scheme.handed[name]])
                continue
            rounded.meta = dict(node.meta)
            node.replace_all_uses_with(rounded, delete_user_cb=functools.partial(operator.is_not, rounded))
        ranges = [
            make(group.label, group.fixed, count) for group, count in zip(self.scheme.groups, places, strict=True)
        ]
        for number, module in enumerate(ranges):
            self.inside.add_module(f"range_{number}", module)
        tapped = add_taps(self.model, self.graph)
        self.model.add_module(INSIDE, self.inside)
        module = _module(self.model, self.traced)
        self.model.forward = lambda *inputs: module(*inputs)
        return Instrumented(self.model, self.scheme, tuple(ranges), self.folded, tapped)

    def _hand_over(self, node: torch.fx.Node, rounded: torch.fx.Node, readers: Sequence[torch.fx.Node]) -> None:
        """Let `readers` read the rounded result; it belongs to the layers around both, not to the one that made it."""
        stacks = [reader.meta.get("nn_module_stack", {}) for reader in readers]
        own = node.meta.get("nn_module_stack", {}).items()
        common = {key: layer for key, layer in own if all(key in stack for stack in stacks)}
        rounded.meta = {**node.meta, "nn_module_stack": common}
        for reader in readers:
            reader.replace_input_with(node, rounded)


def _module(model: torch.nn.Module, traced: torch.fx.GraphModule) -> torch.fx.GraphModule:
    """The graph as code that reads the model's own parameters and modules, and the trace's own constants."""
    import torch

    def find(root: Any, name: str) -> Any:
        for part in name.split("."):
            root = getattr(root, part)
        return root

    found: dict[str, Any] = {}
    for node in traced.graph.nodes:
        if node.op in ("get_attr", "call_module"):
            try:
                found[str(node.target)] = find(model, str(node.target))
            except AttributeError:
                found[str(node.target)] = find(traced, str(node.target))
    return torch.fx.GraphModule(found, traced.graph)


def _own_forward(module: torch.nn.Module) -> torch.nn.Module:
    """A module that runs `module` as its class does, without its hooks, and follows its mode."""
    import torch

    class Own(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.apart = (module,)

        def forward(self, x: torch.Tensor) -> Any:
            return type(self.apart[0]).forward(self.apart[0], x)

    return Own()
