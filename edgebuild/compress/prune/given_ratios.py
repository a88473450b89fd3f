"""Cutting every layer by a share of its own, as the user gave it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgebuild.compress.layer_names import named_by
from edgebuild.compress.prune.groups import ChannelGroup, LeftAlone
from edgebuild.compress.prune.obstacles import listing
from edgebuild.errors import ConfigError

_KEY = "prune.ratios"
_WILD = set("*?[")


def ratios_of(
    ratios: Mapping[str, float], layers: Sequence[str], groups: Sequence[ChannelGroup], left_alone: Sequence[LeftAlone]
) -> dict[str, float]:
    """Name of a group -> share of its channels to cut; groups that no pattern names are left out.

    A layer has the ratio of the name that is its own, else of the longest pattern that matches it, so that
    `{"*": 0.5, stem: 0.2}` is what it looks like.

    Args:
        ratios: pattern -> share.
        layers: dotted names of all layers.
        groups: what can be cut.
        left_alone: what cannot, for messages.

    Raises:
        ConfigError: a pattern matches nothing, or nothing that can be cut, or layers that can only be cut together
            have several ratios.
    """
    chosen = _patterns_of_layers(ratios, layers)
    found: dict[str, float] = {}
    used: set[str] = set()
    for group in groups:
        own = {layer: chosen[layer] for layer in group.producers if layer in chosen}
        if len({ratios[pattern] for pattern in own.values()}) > 1:
            listed = ", ".join(f"{layer} {ratios[pattern]:g}" for layer, pattern in own.items())
            msg = f"{_KEY}: {listed}: these layers share their channels, so they can only be cut by one ratio"
            raise ConfigError(msg, remedy="give all of them the same one, or name one of them only")
        if own:
            found[group.name] = ratios[next(iter(own.values()))]
            used.update(own.values())
    for pattern in ratios:
        if pattern not in used:
            alone = [item for item in left_alone if chosen.get(item.layer) == pattern]
            msg = f"{_KEY}: {pattern!r} names no layer that can be cut{listing(alone)}"
            raise ConfigError(msg, remedy="take it out, or name the layer that makes the channels")
    return found


def _patterns_of_layers(ratios: Mapping[str, float], layers: Sequence[str]) -> dict[str, str]:
    """Layer -> the pattern that counts for it."""
    chosen: dict[str, str] = {}
    for pattern in sorted(ratios, key=_rank):
        for layer in named_by([pattern], layers, _KEY):
            before = chosen.get(layer)
            if before is not None and _rank(before)[:2] == _rank(pattern)[:2] and ratios[before] != ratios[pattern]:
                msg = (
                    f"{_KEY}: {layer} is named by {before!r} ({ratios[before]:g}) and {pattern!r} ({ratios[pattern]:g})"
                )
                raise ConfigError(msg, remedy="name the layer itself, or make one pattern longer than the other")
            chosen[layer] = pattern
    return chosen


def _rank(pattern: str) -> tuple[bool, int, str]:
    """Of two patterns the one with the higher rank counts: a plain name, then the longer one."""
    return (not _WILD & set(pattern), len(pattern), pattern)


def rounded_away(
    ratios: Mapping[str, float], groups: Sequence[ChannelGroup], cut: Mapping[str, Sequence[int]], round_to: int
) -> ConfigError | None:
    """What to say where rounding leaves a group whole that has a ratio; None where every such group is cut."""
    for group in groups:
        if group.name in ratios and not cut.get(group.name):
            names = ", ".join(group.producers)
            msg = f"{_KEY}: {ratios[group.name]:g} of the {group.size} channels of {names} rounds to none of them"
            return ConfigError(msg, remedy=f"lower round_to ({round_to}), or raise the ratio")
    return None
