"""Where a traced model rounds: groups of activations that share one range, and weights with their folded norms."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from edgebuild.errors import ConfigError
from edgebuild.model.fakequant.floating import float_nodes
from edgebuild.model.fakequant.operations import (
    CLAMPS,
    FIXED,
    JOINS,
    LINEAR,
    MOVES,
    NORM,
    PLAIN,
    POOLS,
    TRANSPOSED,
    WEIGHTED,
    is_activation,
    layer,
    operation,
)

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Group:
    """Activations that share one range.

    Attributes:
        label: the layer and operation that makes the first of them, `body.0/conv2d`; equal labels are numbered.
        fixed: scale and zero point, where the runtimes know them before any data.
    """

    label: str
    fixed: tuple[float, int] | None = None


@dataclass(frozen=True)
class WeightUse:
    """One operation with a stored weight.

    Attributes:
        node: name of the operation.
        weight: dotted name of the parameter.
        axis: its dimension of output channels.
        kind: `linear` or `convolution`.
        norm: name of the node of the batch norm that is folded into the weight; None where there is none.
        norm_layer: dotted name of that batch norm.
        mergeable: a format may merge what comes before into the weight, such as a layer norm's scale.
        split: a format may write what comes behind together with the operation, so that its result is not stored.
        exact: the weight stays in floating point, and so does the result.
    """

    node: str
    weight: str
    axis: int
    kind: str
    norm: str | None = None
    norm_layer: str | None = None
    mergeable: bool = False
    split: bool = False
    exact: bool = False

    @property
    def layer(self) -> str:
        """Dotted name of the layer that owns the weight."""
        return self.weight.rpartition(".")[0]


@dataclass(frozen=True)
class Scheme:
    """How a traced model is quantized.

    Attributes:
        groups: in the order of the graph.
        group_of: name of a node -> position in `groups`, for every activation, also one that a runtime never stores;
            not for those that stay in floating point wherever they are read.
        rounded: names of the nodes whose results are rounded, in order.
        handed: name of a node whose result is in floating point -> the operations that read it rounded; others read it
            as it is.
        weights: in order.
        composite: layers (`encoder.norm/layer_norm`) that a format may write as several operations, or merge with their
            neighbours, so that it has results whose ranges nobody trained.
    """

    groups: tuple[Group, ...]
    group_of: Mapping[str, int]
    rounded: tuple[str, ...]
    handed: Mapping[str, tuple[str, ...]]
    weights: tuple[WeightUse, ...]
    composite: tuple[str, ...]

    def places(self) -> tuple[str, ...]:
        """Names of all nodes whose results are rounded for a reader at least."""
        return (*self.rounded, *self.handed)

    def labels(self) -> tuple[str, ...]:
        """Of the groups, in order."""
        return tuple(group.label for group in self.groups)


def scheme_of(graph: torch.fx.Graph, float_layers: Collection[str] = ()) -> Scheme:
    """The scheme of a graph traced by torch.export in eval mode, with a batch of any size.

    The weights of `float_layers` are not rounded, and what they compute is only where integers are made of it.

    Raises:
        ConfigError: a weight is computed, or a batch norm behind a convolution cannot be folded; the layer is named.
    """
    found = _Reading(float_nodes(graph, float_layers))
    for node in graph.nodes:
        found.visit(node)
    return found.scheme()


@dataclass
class _Reading:
    floats: Collection[torch.fx.Node]
    parent: list[int] = field(default_factory=list)
    made_by: list[tuple[str, tuple[float, int] | None]] = field(default_factory=list)
    group: dict[torch.fx.Node, int] = field(default_factory=dict)
    rounded: dict[torch.fx.Node, None] = field(default_factory=dict)
    handed: dict[torch.fx.Node, list[torch.fx.Node]] = field(default_factory=dict)
    weights: list[WeightUse] = field(default_factory=list)
    folded: dict[torch.fx.Node, torch.fx.Node] = field(default_factory=dict)
    composite: dict[torch.fx.Node, None] = field(default_factory=dict)

    def visit(self, node: torch.fx.Node) -> None:
        name = operation(node)
        if node.op == "call_function" and name in WEIGHTED:
            self.weights.append(replace(_weight_use(node, name), exact=node in self.floats))
            norm = self.weights[-1].norm
            if norm is not None:
                self.folded[next(iter(node.users))] = node
        if not is_activation(node):
            return
        sources = [source for source in node.all_input_nodes if source in self.group]
        if node.op == "placeholder" or not sources:
            self._new(node, node.name if node.op == "placeholder" else _label(node))
        elif node in self.floats:
            self._stay(node, sources[0])
        else:
            self._round(node, sources)

    def _round(self, node: torch.fx.Node, sources: list[torch.fx.Node]) -> None:
        """A result in integers."""
        name = operation(node)
        for source in sources:
            if source in self.floats:
                self.handed.setdefault(source, []).append(node)
        if name in MOVES:
            self.group[node] = self.group[sources[0]]
        elif node in self.folded:
            self.group[node] = self.group[self.folded[node]]
            self.rounded.pop(self.folded[node], None)
            self.rounded[node] = None
        elif name in CLAMPS:
            self._clamp(node, sources[0])
        elif name in POOLS:
            self.group[node] = self.group[sources[0]]
            self.rounded[node] = None
        elif name in JOINS:
            self._join(node, sources)
        else:
            self._note_composite(node)
            self._new(node, _label(node), FIXED.get(name))

    def _stay(self, node: torch.fx.Node, source: torch.fx.Node) -> None:
        """A result in floating point: nothing has to share a range with it but what has the same values."""
        self._note_composite(node)
        if operation(node) in MOVES or node in self.folded:
            self.group[node] = self.group[source]
        else:
            self._new(node, _label(node))

    def _note_composite(self, node: torch.fx.Node) -> None:
        if operation(node) not in PLAIN or _takes_stored(node):
            self.composite[node] = None

    def _new(self, node: torch.fx.Node, label: str, fixed: tuple[float, int] | None = None) -> None:
        self.parent.append(len(self.parent))
        self.made_by.append((label, fixed))
        self.group[node] = len(self.parent) - 1
        if node not in self.floats:
            self.rounded[node] = None

    def _clamp(self, node: torch.fx.Node, source: torch.fx.Node) -> None:
        """An activation function: fused into what makes its input, where nothing else reads that."""
        self.group[node] = self.group[source]
        if len(source.users) == 1:
            self.rounded.pop(source, None)
        self.rounded[node] = None

    def _join(self, node: torch.fx.Node, sources: Iterable[torch.fx.Node]) -> None:
        numbers = [self._root(self.group[source]) for source in sources]
        free = [number for number in numbers if self.made_by[number][1] is None]
        if len(free) < len(numbers) or not free:
            self._new(node, _label(node))
            free.append(self.group[node])
        else:
            self.group[node] = min(free)
            self.rounded[node] = None
        for number in free:
            self.parent[number] = min(free)

    def _root(self, number: int) -> int:
        while self.parent[number] != number:
            number = self.parent[number]
        return number

    def scheme(self) -> Scheme:
        roots = sorted({self._root(self.group[node]) for node in (*self.rounded, *self.handed)})
        position = {root: index for index, root in enumerate(roots)}
        seen: dict[str, int] = {}
        groups = []
        for root in roots:
            label, fixed = self.made_by[root]
            seen[label] = seen.get(label, 0) + 1
            groups.append(Group(label if seen[label] == 1 else f"{label}_{seen[label]}", fixed))
        return Scheme(
            tuple(groups),
            {
                node.name: position[self._root(number)]
                for node, number in self.group.items()
                if self._root(number) in position
            },
            tuple(node.name for node in self.rounded),
            {node.name: tuple(reader.name for reader in readers) for node, readers in self.handed.items()},
            tuple(self._merging(use, {node.name: node for node in self.group}) for use in self.weights),
            tuple(dict.fromkeys(_label(node) for node in self.composite if node not in self.floats)),
        )

    def _merging(self, use: WeightUse, nodes: Mapping[str, torch.fx.Node]) -> WeightUse:
        source: Any = nodes[use.node].args[0]
        while operation(source) in MOVES and source.all_input_nodes:
            source = source.all_input_nodes[0]
        users = nodes[use.norm or use.node].users
        return replace(use, mergeable=source in self.composite, split=any(user in self.composite for user in users))


def _takes_stored(node: torch.fx.Node) -> bool:
    """True where a stored tensor is added to an activation or multiplies it."""
    arguments = [argument for argument in node.all_input_nodes if argument.op == "get_attr"]
    return operation(node) not in WEIGHTED and bool(arguments)


def _label(node: torch.fx.Node) -> str:
    owner = layer(node)
    return f"{owner}/{operation(node)}" if owner else operation(node)


def _weight_use(node: torch.fx.Node, name: str) -> WeightUse:
    weight: Any = node.args[1]
    if getattr(weight, "op", None) != "get_attr":
        msg = f"layer {layer(node)!r} computes its weight, so there is no stored weight to round to integer steps"
        raise ConfigError(msg, remedy="remove the parametrization, such as weight_norm, before this step")
    target = str(weight.target)
    axis = 1 if name in TRANSPOSED else 0
    kind = "linear" if name == LINEAR else "convolution"
    user = next(iter(node.users), None)
    if user is None or len(node.users) != 1 or operation(user) != NORM:
        return WeightUse(node.name, target, axis, kind)
    norm = _norm_layer(user)
    if name == LINEAR and len(node.meta["val"].shape) != 2:
        return WeightUse(node.name, target, axis, kind)  # the norm runs over another dimension than the channels
    partners = {_norm_layer(next(iter(reader.users))) if len(reader.users) == 1 else None for reader in weight.users}
    groups = node.args[-1] if name in TRANSPOSED and isinstance(node.args[-1], int) and len(node.args) > 7 else 1
    if norm is None or partners != {norm} or not target.endswith(".weight") or groups != 1:
        msg = f"the batch norm behind layer {layer(node)!r} cannot be folded into its weight, as the runtimes do"
        raise ConfigError(msg, remedy="give the layer a batch norm of its own with running statistics")
    return WeightUse(node.name, target, axis, kind, user.name, norm)


def _norm_layer(node: torch.fx.Node) -> str | None:
    """The batch norm's dotted name; None for other operations, and for a norm without running statistics."""
    if operation(node) != NORM:
        return None
    mean: Any = node.args[3]
    return str(mean.target).rpartition(".")[0] if getattr(mean, "op", None) == "get_attr" else None
