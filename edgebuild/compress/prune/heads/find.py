"""Finding attention by trial: half of the heads of a copy are cut, and the others must find what they found before."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from edgebuild.compress.open_attention import closed_attentions
from edgebuild.compress.prune.cut import apply, edits_of
from edgebuild.compress.prune.groups import ChannelGroup, LeftAlone
from edgebuild.compress.prune.heads.block import Block
from edgebuild.compress.prune.heads.candidates import blocks_of, numbers_of_heads, sizes_of_heads
from edgebuild.model.call_order import call_order
from edgebuild.model.count import count_model
from edgebuild.model.seeding import seeded

if TYPE_CHECKING:
    import torch

_TRIED = 64
"""Ways in which one module may be an attention that are tried at most."""
_TOLERANCE = 1e-4
"""Of the largest number: far above what a sum in another order changes, far below what a wrong channel does."""

_MIXED = "other heads change when some go: its channels are in another order, or it mixes its heads"


def find_heads(
    model: torch.nn.Module, sample: tuple[torch.Tensor, ...], round_to: int
) -> tuple[list[ChannelGroup], list[LeftAlone]]:
    """The heads of every attention of `model` as groups, and the modules with heads that cannot be cut.

    A module with an attribute for its number of heads and linear layers of fitting sizes is an attention if, with fewer
    heads and the same channels fewer in these layers, the rest of the heads give what they gave before. For that the
    layers have weights drawn by a seed: with those of a fresh or a well trained model, a wrong channel may change
    too little.
    """
    called = linear_layers(model, sample)
    groups: list[ChannelGroup] = []
    alone = [LeftAlone(name, f"its heads are not cut: {why}") for name, why in closed_attentions(model).items() if why]
    taken: set[str] = set()
    for name in _modules_with_heads(model):
        free = [layer for layer in called if layer not in taken]
        blocks = list(islice(blocks_of(model, name, free), _TRIED))
        found, reason = _first_that_holds(model, sample, blocks, round_to)
        if found is not None:
            groups.append(found)
            taken.update(part.layer for part in found.parts)
        elif reason:
            alone.append(LeftAlone(name, reason))
    return groups, alone


def _modules_with_heads(model: torch.nn.Module) -> list[str]:
    """Modules whose attributes speak of heads, without those around others: a network may keep the number, too."""
    from torch import nn

    found = [
        name
        for name, module in model.named_modules()
        if (numbers_of_heads(module) or sizes_of_heads(module)) and not isinstance(module, nn.MultiheadAttention)
    ]
    around = {".".join(name.split(".")[:depth]) for name in found if name for depth in range(name.count(".") + 1)}
    return [name for name in found if name not in around]


def _first_that_holds(
    model: torch.nn.Module, sample: tuple[torch.Tensor, ...], blocks: Sequence[Block], round_to: int
) -> tuple[ChannelGroup | None, str]:
    """The heads of the first block that is an attention; else why the one that came furthest is none."""
    reasons: list[str] = []
    for block in blocks:
        group = block.group({}, round_to)
        if group.size == 1:
            return group, ""
        why = _why_not_heads(model, sample, group)
        if why is None:
            return block.group(_macs_per_head(model, sample, group), round_to), ""
        reasons.append(why)
    return None, _MIXED if _MIXED in reasons else next(iter(reasons), "")


def _why_not_heads(model: torch.nn.Module, sample: tuple[torch.Tensor, ...], group: ChannelGroup) -> str | None:
    """Why the channels of the group are not those of its heads; None where they are."""
    assert group.heads is not None
    drawn = copy.deepcopy(model)
    with seeded(group.size):
        for part in group.parts:
            draw(drawn.get_submodule(part.layer))
    gone = _half(group)
    cut = copy.deepcopy(drawn)
    apply(cut, edits_of(drawn, [group], {group.name: gone}))
    before = _read(drawn, sample, group.heads.output)
    try:
        after = _read(cut, sample, group.heads.output)
    except Exception as error:  # noqa: BLE001  the user's forward may fail in any way on a number it does not expect
        first = str(error).strip().partition("\n")[0]
        return f"it does not run with fewer heads: {type(error).__name__}: {first}"
    kept = [index for head in range(group.size) if head not in gone for index in group.parts[-1].indices[head]]
    if len(before) != len(after) or not all(same_numbers(b[..., kept], a) for b, a in zip(before, after, strict=True)):
        return _MIXED
    return None


def _half(group: ChannelGroup) -> list[int]:
    """Every other head, from the first on: no order of channels but the right one keeps the rest."""
    return list(range(0, group.size - 1, 2))


def draw(layer: Any) -> None:
    """Draw the numbers of a linear layer, so that what comes out is about as large as what goes in."""
    import torch

    with torch.no_grad():
        layer.weight.normal_(0, layer.in_features**-0.5)
        if layer.bias is not None:
            layer.bias.normal_(0, 0.5)


def _read(model: torch.nn.Module, sample: tuple[torch.Tensor, ...], layer: str) -> list[torch.Tensor]:
    """What the layer reads in every call."""
    import torch

    found: list[torch.Tensor] = []
    handle = model.get_submodule(layer).register_forward_pre_hook(lambda _module, inputs: found.append(inputs[0]))
    try:
        with torch.no_grad():
            model(*sample)
    finally:
        handle.remove()
    return found


def same_numbers(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether both hold the same but for rounding."""
    if one.shape != other.shape:
        return False
    bound = _TOLERANCE * max(float(one.abs().max()), 1e-6)
    return bool((one - other).abs().max() <= bound)


def _macs_per_head(model: torch.nn.Module, sample: tuple[torch.Tensor, ...], group: ChannelGroup) -> dict[str, int]:
    """What each head takes outside of the projections, by module: the products of queries, keys and values."""
    cut, gone = copy.deepcopy(model), _half(group)
    apply(cut, edits_of(model, [group], {group.name: gone}))
    projections = {part.layer for part in group.parts}
    before, after = ({row.layer: row.macs for row in count_model(one, sample).layers} for one in (model, cut))
    saved = {layer: (macs - after.get(layer, 0)) // len(gone) for layer, macs in before.items()}
    return {layer: macs for layer, macs in saved.items() if macs and layer not in projections}


def linear_layers(model: torch.nn.Module, sample: tuple[torch.Tensor, ...]) -> list[str]:
    """Dotted names of the linear layers in the order of their first call."""
    import torch

    return [name for name in call_order(model, sample) if isinstance(model.get_submodule(name), torch.nn.Linear)]
