"""Finding the channel groups of a model: torch-pruning's dependency graph says which channels depend on each other.

G. Fang, X. Ma, M. Song, M. B. Mi, X. Wang, DepGraph: Towards Any Structural Pruning, CVPR 2023. The graph is used for
what is coupled with what; channels are cut here, as edits that can be replayed.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgebuild.compress.prune.coupling import Coupling, Element
from edgebuild.compress.prune.groups import ChannelGroup, LeftAlone, Part
from edgebuild.compress.prune.heads.find import find_heads
from edgebuild.compress.prune.layer_sides import IN, OUT, Side, sides_of
from edgebuild.compress.prune.trial import why_not_cut
from edgebuild.errors import ConfigError
from edgebuild.model.call_order import call_order

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Trace:
    """A model as far as cutting is concerned.

    Attributes:
        model: a copy in eval mode, every parameter with `requires_grad`.
        groups: what can be cut, in forward order.
        left_alone: what cannot, and why.
    """

    model: torch.nn.Module
    groups: tuple[ChannelGroup, ...]
    left_alone: tuple[LeftAlone, ...]


def trace(
    model: torch.nn.Module, sample: tuple[torch.Tensor, ...], round_to: int, skipped: Sequence[str] = ()
) -> Trace:
    """Find the groups of `model`, which is left as it is.

    Args:
        model: the model to be cut.
        sample: its inputs, a batch of one.
        round_to: output channels that remain are multiples of this where any go.
        skipped: dotted names of layers that keep their output channels.

    Raises:
        ConfigError: the model has no layers that could be followed.
    """
    traced = copy.deepcopy(model).eval()
    for parameter in traced.parameters():
        parameter.requires_grad_(parameter.is_floating_point())
    graph, found = _library_groups(traced, sample)
    order = _forward_order(traced, sample)
    heads, left_alone = find_heads(traced, sample, round_to)
    whole = {(part.layer, part.side) for group in heads for part in group.parts}
    coupling = Coupling()
    reasons = _couple(traced, graph, found, coupling, set(skipped), whole)
    groups, others = _assemble(traced, coupling, reasons, order, round_to)
    left_alone += others
    good = []
    for group in [*groups, *heads]:
        reason = (
            _why_not_heads(traced, group, set(skipped))
            or (_too_few(group, round_to) if group.size == 1 else why_not_cut(traced, sample, group))
            or _too_few(group, round_to)
        )
        if reason is None:
            good.append(group)
        else:
            named = group.producers if group.heads is None else (group.heads.layer,)
            left_alone += [LeftAlone(name, reason) for name in named]
    good.sort(key=lambda group: (order[group.producers[0]], group.name))
    return Trace(traced, tuple(good), tuple(sorted(set(left_alone), key=lambda item: (order[item.layer], item.reason))))


def _why_not_heads(model: torch.nn.Module, group: ChannelGroup, skipped: set[str]) -> str | None:
    """Why the heads of an attention may not go, as far as its layers say; None of other groups."""
    if group.heads is None:
        return None
    if group.heads.layer in skipped:
        return "skip"
    shared = _shared_tensors(model)
    found = (_why_not(model, (part.layer, part.side, ""), shared, skipped) for part in group.parts)
    return next((reason for reason in found if reason is not None), None)


def _library_groups(model: torch.nn.Module, sample: tuple[torch.Tensor, ...]) -> tuple[Any, list[Any]]:
    """The dependency graph, and all of its groups."""
    import torch
    import torch_pruning

    graph = torch_pruning.DependencyGraph()
    with torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            graph.build_dependency(model, example_inputs=sample, output_transform=_as_list, verbose=False)
            return graph, list(graph.get_all_groups())
        except Exception as error:  # the library fails in many ways on models that it cannot follow
            msg = f"prune: the channels of the model cannot be followed: {type(error).__name__}: {error}"
            remedy = "take the prune step out of the plan, or write the unusual part of forward with plain layers"
            raise ConfigError(msg, remedy=remedy) from error


def _as_list(outputs: Any) -> list[torch.Tensor]:
    if isinstance(outputs, Mapping):
        return list(outputs.values())
    return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]


def _forward_order(model: torch.nn.Module, sample: tuple[torch.Tensor, ...]) -> dict[str, int]:
    """Dotted name -> position of its first call; modules that are not called come last."""
    called = call_order(model, sample)
    names = [name for name, _ in model.named_modules()]
    return {name: position for position, name in enumerate(dict.fromkeys([*called, *names]))}


def _couple(
    model: torch.nn.Module,
    graph: Any,
    library_groups: Sequence[Any],
    coupling: Coupling,
    skipped: set[str],
    whole: set[tuple[str, str]],
) -> dict[Element, str]:
    """Couple what goes together; returns why some elements may not go.

    `whole` are sides of layers whose channels only go with their attention head.
    """
    names = {module: name for name, module in model.named_modules()}
    shared = _shared_tensors(model)
    reasons: dict[Element, str] = {}
    for found in library_groups:
        root = names[found[0].dep.target.module]
        if (root, OUT) in whole:
            continue
        for item in found:
            place = _place(item, names, model, graph)
            if place is None or place[:2] in whole:
                continue
            layer, side_name, tensor = place
            elements = [Element(layer, side_name, tensor, index) for index in item.idxs]
            for element, root_index in zip(elements, item.root_idxs, strict=True):
                coupling.join(element, Element(root, OUT, "", root_index))
            reason = _why_not(model, place, shared, skipped)
            if reason is not None:
                reasons.update(dict.fromkeys(elements, reason))
                continue
            side = None if tensor else sides_of(model.get_submodule(layer))[side_name]
            if side is not None and side.groups > 1:
                width = side.channels // side.groups
                for element in elements:
                    coupling.join(element, Element(layer, side_name, "", element.index % width))
    return reasons


def _place(item: Any, names: Mapping[Any, str], model: torch.nn.Module, graph: Any) -> tuple[str, str, str] | None:
    """(layer, side, tensor) of one item of a library group; None for operations without numbers of their own."""
    from torch import nn

    module = item.dep.target.module
    if isinstance(module, nn.Parameter):
        full = next(name for name, parameter in model.named_parameters() if parameter is module)
        layer, _, tensor = full.rpartition(".")
        return layer, OUT, tensor
    if not isinstance(module, nn.Module) or module not in names:
        return None
    side = OUT if graph.is_out_channel_pruning_fn(item.dep.handler) else IN
    layer = names[module]
    if isinstance(module, nn.PReLU) and module.num_parameters == 1:
        return None
    return layer, side, ""


def _shared_tensors(model: torch.nn.Module) -> set[int]:
    """Ids of parameters that stand in two places."""
    counts = Counter(id(parameter) for _, parameter in model.named_parameters(remove_duplicate=False))
    modules = [module for _, module in model.named_modules(remove_duplicate=False)]
    repeated = Counter(id(parameter) for module in set(modules) for parameter in module.parameters(recurse=False))
    return {identity for identity in counts if repeated[identity] > 1}


def _why_not(model: torch.nn.Module, place: tuple[str, str, str], shared: set[int], skipped: set[str]) -> str | None:
    layer, side_name, tensor = place
    if side_name == OUT and layer in skipped:
        return "skip"
    if tensor:
        return None
    module = model.get_submodule(layer)
    side = sides_of(module).get(side_name)
    if side is None:
        return f"{layer} is a {type(module).__name__}, which is not cut"
    for own in side.tensors:
        if own.name not in module._parameters and own.name not in module._buffers:
            return f"{layer}.{own.name} is computed, not stored"
        if id(getattr(module, own.name)) in shared:
            return f"{layer}.{own.name} is shared with another layer"
    return None


def _assemble(
    model: torch.nn.Module,
    coupling: Coupling,
    reasons: Mapping[Element, str],
    order: Mapping[str, int],
    round_to: int,
) -> tuple[list[ChannelGroup], list[LeftAlone]]:
    """Channels that are made by the same layers become one group."""
    by_makers: dict[tuple[tuple[str, int], ...], list[list[Element]]] = {}
    left_alone: list[LeftAlone] = []
    for members in coupling.classes():
        makers = Counter(element.layer for element in members if _is_producer(model, element))
        reason = next((reasons[element] for element in members if element in reasons), None)
        if reason is not None:
            left_alone += [LeftAlone(name, reason) for name in makers]
        elif makers:
            key = tuple(sorted(makers.items(), key=lambda item: order[item[0]]))
            by_makers.setdefault(key, []).append(members)
    groups = []
    for key, classes in by_makers.items():
        classes.sort(key=lambda members: min(e.index for e in members if (e.layer, e.side) == (key[0][0], OUT)))
        step = math.lcm(*(round_to // math.gcd(round_to, width) for _, width in key))
        one = ChannelGroup(
            name=_name(key[0][0], by_makers, classes),
            size=len(classes),
            parts=tuple(_parts(classes, order)),
            makers=key,
            step=step,
            mixes=any(_side(model, element).mixes for element in classes[0] if not element.tensor),
        )
        groups.append(one)
    return sorted(groups, key=lambda group: (order[group.producers[0]], group.name)), left_alone


def _too_few(group: ChannelGroup, round_to: int) -> str | None:
    if len(group.sizes(1)) > 1:
        return None
    unit = "channel" if group.heads is None else "head"
    few = f"its one {unit}" if group.size == 1 else f"its {group.size} {unit}s"
    wide = f" of {len(group.parts[-1].indices[0])} channels" if group.heads is not None else ""
    return f"{few}{wide} cannot be cut to a multiple of {round_to}{' channels' if group.heads is not None else ''}"


def _name(layer: str, by_makers: Mapping[tuple[tuple[str, int], ...], Any], classes: list[list[Element]]) -> str:
    """The first layer, with its first channel where several groups begin there."""
    if sum(key[0][0] == layer for key in by_makers) == 1:
        return layer
    first = min(element.index for element in classes[0] if (element.layer, element.side) == (layer, OUT))
    return f"{layer}[{first}]"


def _is_producer(model: torch.nn.Module, element: Element) -> bool:
    """Whether the element is an output channel of a layer that makes its channels out of all of its inputs."""
    from torch import nn

    if element.side != OUT or element.tensor:
        return False
    return isinstance(model.get_submodule(element.layer), nn.modules.conv._ConvNd | nn.Linear)


def _side(model: torch.nn.Module, element: Element) -> Side:
    return sides_of(model.get_submodule(element.layer))[element.side]


def _parts(classes: Sequence[Sequence[Element]], order: Mapping[str, int]) -> Iterator[Part]:
    places = {(element.layer, element.side, element.tensor) for members in classes for element in members}
    for place in sorted(places, key=lambda place: (order[place[0]], place[1] == OUT, place[2])):
        layer, side, tensor = place
        yield Part(layer, side, tensor, tuple(_indices(members, place) for members in classes))


def _indices(members: Sequence[Element], place: tuple[str, str, str]) -> tuple[int, ...]:
    return tuple(sorted(e.index for e in members if (e.layer, e.side, e.tensor) == place))
