"""Which weights become zero: masks from scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def unstructured_masks(
    scores: Mapping[str, torch.Tensor], sparsity: float, max_ratio: float, *, local: bool
) -> dict[str, torch.Tensor]:
    """Masks (1 stays, 0 goes) with exactly `sparsity` of all weights zero, to the nearest whole number.

    Args:
        scores: by parameter, in its shape; low goes first, of equal ones the first.
        sparsity: share of all weights together, or with `local` of every parameter.
        max_ratio: largest share of one parameter; at least `sparsity`.
        local: every parameter by itself.
    """
    import torch

    if local:
        return {name: _lowest(score, round(sparsity * score.numel())) for name, score in scores.items()}
    # Beyond its largest share a parameter has nothing to give: those weights are not for choice.
    order, owners, places = [], [], []
    for number, score in enumerate(scores.values()):
        most = int(max_ratio * score.numel())
        lowest = score.flatten().argsort(stable=True)[:most]
        order.append(score.flatten()[lowest].double())
        owners.append(torch.full((most,), number))
        places.append(lowest)
    total = sum(score.numel() for score in scores.values())
    gone = torch.cat(order).argsort(stable=True)[: round(sparsity * total)]
    owner, place = torch.cat(owners)[gone], torch.cat(places)[gone]
    masks = {}
    for number, (name, score) in enumerate(scores.items()):
        mask = torch.ones(score.numel(), dtype=torch.uint8)
        mask[place[owner == number]] = 0
        masks[name] = mask.reshape(score.shape)
    return masks


def pattern_masks(scores: Mapping[str, torch.Tensor], stay: int, of: int) -> dict[str, torch.Tensor]:
    """Masks in which of every `of` weights in a row along dimension 1, the `stay` with the highest scores stay.

    Mishra et al., Accelerating Sparse Deep Neural Networks, 2021, section 2.1. Dimension 1 is that of the input
    channels; what is left over at its end stays whole. Each parameter has at least `of` of them.
    """
    import torch

    masks = {}
    for name, score in scores.items():
        rows = score.movedim(1, -1)
        whole = rows.shape[-1] // of * of
        groups = rows[..., :whole].reshape(*rows.shape[:-1], whole // of, of)
        # The stable order of all keeps the first of equal ones.
        best = groups.neg().argsort(dim=-1, stable=True)[..., :stay]
        mask = torch.ones_like(rows, dtype=torch.uint8)
        chosen = torch.zeros_like(groups, dtype=torch.uint8).scatter_(-1, best, 1)
        mask[..., :whole] = chosen.reshape(*rows.shape[:-1], whole)
        masks[name] = mask.movedim(-1, 1).contiguous()
    return masks


def follows_pattern(mask: torch.Tensor, stay: int, of: int) -> bool:
    """Whether of every whole group along dimension 1 at most `stay` are left."""
    rows = mask.movedim(1, -1)
    whole = rows.shape[-1] // of * of
    groups = (rows[..., :whole] != 0).reshape(*rows.shape[:-1], whole // of, of)
    return bool((groups.sum(-1) <= stay).all())


def _lowest(score: torch.Tensor, count: int) -> torch.Tensor:
    """A mask without the `count` lowest."""
    import torch

    mask = torch.ones(score.numel(), dtype=torch.uint8)
    mask[score.flatten().argsort(stable=True)[:count]] = 0
    return mask.reshape(score.shape)
