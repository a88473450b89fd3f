"""Masks have exactly as many zeros as were asked, at the weights with the lowest scores."""

from __future__ import annotations

import pytest
import torch

from edgebuild.compress.prune.weights.masks import follows_pattern, pattern_masks, unstructured_masks


def scores() -> dict[str, torch.Tensor]:
    """Two layers, of which the first has the lower scores."""
    low = torch.arange(100.0).reshape(10, 10)
    return {"low": low, "high": low + 1000}


def zeros(masks: dict[str, torch.Tensor]) -> list[int]:
    return [int((mask == 0).sum()) for mask in masks.values()]


def test_global_takes_the_lowest_of_all_up_to_the_largest_share_of_a_layer() -> None:
    assert zeros(unstructured_masks(scores(), 0.4, 0.9, local=False)) == [80, 0]
    assert zeros(unstructured_masks(scores(), 0.6, 0.9, local=False)) == [90, 30]
    mask = unstructured_masks(scores(), 0.25, 0.9, local=False)["low"].flatten()
    assert bool((mask[:50] == 0).all())
    assert bool((mask[50:] == 1).all())


def test_local_takes_the_same_share_of_each() -> None:
    assert zeros(unstructured_masks(scores(), 0.4, 0.9, local=True)) == [40, 40]


@pytest.mark.parametrize("local", [False, True])
def test_equal_scores_give_as_many_zeros(*, local: bool) -> None:
    same = {"a": torch.ones(7, 11), "b": torch.ones(3, 5)}
    assert sum(zeros(unstructured_masks(same, 0.5, 0.98, local=local))) == 46


@pytest.mark.parametrize(("stay", "of"), [(2, 4), (1, 4), (1, 2), (4, 8)])
def test_of_every_group_along_the_input_channels_the_best_stay(stay: int, of: int) -> None:
    weight = torch.randn(6, 18, 3, 3, generator=torch.Generator().manual_seed(0)).abs()
    mask = pattern_masks({"conv": weight}, stay, of)["conv"]
    assert mask.shape == weight.shape
    whole = 18 // of * of
    assert int((mask == 0).sum()) == 6 * 9 * whole * (of - stay) // of
    assert bool((mask[:, whole:] == 1).all())
    assert follows_pattern(mask, stay, of)
    assert not follows_pattern(torch.ones_like(mask), stay, of)
    group, kept = weight[2, :of, 1, 1], mask[2, :of, 1, 1] == 1
    assert float(group[kept].min()) >= float(group[~kept].max())
