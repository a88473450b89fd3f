"""Whether cutting channels does what it should: the same as silencing them where they are read."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.compress.prune.cut import apply, edits_of
from edgebuild.compress.prune.groups import ChannelGroup, Choice, removed_indices
from edgebuild.compress.prune.layer_sides import IN, sides_of
from edgebuild.errors import ConfigError

if TYPE_CHECKING:
    import torch

_TOLERANCE = 1e-3
"""Of the largest output: far above what a sum in another order changes, far below what a wrong channel does."""


def why_not_cut(model: torch.nn.Module, sample: tuple[torch.Tensor, ...], group: ChannelGroup) -> str | None:
    """Cut half of the group's channels in a copy and run it; None where it computes what it should.

    A layer's code may fix the number of its channels, shuffle them or compute with all of them at once; then the
    group cannot be cut, and this is the reason.
    """
    rng = np.random.default_rng(group.size)
    gone = sorted(int(channel) for channel in rng.permutation(group.size)[: group.size // 2])
    choice = {group.name: gone}
    whole = _run(model, sample)
    cut = copy.deepcopy(model)
    try:
        apply(cut, edits_of(model, [group], choice))
        found = _run(cut, sample)
    except ConfigError:
        raise
    except Exception as error:  # noqa: BLE001  the user's forward may fail in any way on a number it does not expect
        first = str(error).strip().partition("\n")[0]
        return f"the model does not run with fewer of these channels: {type(error).__name__}: {first}"
    if [output.shape for output in found] != [output.shape for output in whole]:
        return "they are outputs of the model"
    if group.mixes:
        return None
    expected = _run(silenced(model, [group], choice), sample)
    if not all(_equal(one, other) for one, other in zip(expected, found, strict=True)):
        return "other channels change when they go: the model reorders channels, or computes with all of them at once"
    return None


def silenced(model: torch.nn.Module, groups: Sequence[ChannelGroup], choice: Choice) -> torch.nn.Module:
    """A copy of full size in which nothing reads the channels of `choice`: what cutting them must be equal to."""
    import torch

    quiet = copy.deepcopy(model)
    for (layer, side_name, tensor), indices in removed_indices(groups, choice).items():
        if side_name != IN or tensor:
            continue
        module = quiet.get_submodule(layer)
        side = sides_of(module)[IN]
        for own in side.tensors:
            width = side.channels // side.groups
            here = sorted({index % width for index in indices}) if own.within_group else indices
            with torch.no_grad():
                getattr(module, own.name).index_fill_(own.dim, torch.tensor(here), 0.0)
    return quiet


def _run(model: torch.nn.Module, sample: tuple[torch.Tensor, ...]) -> list[torch.Tensor]:
    import torch

    with torch.no_grad():
        outputs: Any = model(*sample)
    if isinstance(outputs, Mapping):
        return list(outputs.values())
    return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]


def _equal(one: torch.Tensor, other: torch.Tensor) -> bool:
    bound = _TOLERANCE * max(float(one.abs().max()), 1e-6)
    return bool((one - other).abs().max() <= bound)
