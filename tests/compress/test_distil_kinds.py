"""What each kind of distillation says is zero where student and teacher agree, and is what its paper says elsewhere."""

from __future__ import annotations

import math

import pytest
import torch

from edgebuild.compress.distil.kinds import DISTIL_KINDS, Pair, Seen
from edgebuild.compress.distil.kinds.relational import angles, distances
from edgebuild.compress.distil.kinds.soft_targets import soft_loss
from edgebuild.errors import ConfigError

LABELS = torch.tensor([0, 1, 2, 0])


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def seen(ours: torch.Tensor, theirs: torch.Tensor) -> tuple[list[Pair], Seen]:
    """One pair of layers with these outputs; the outputs of the models are theirs."""
    pair = Pair("a", "b", (tuple(ours.shape), tuple(theirs.shape)), 1)
    return [pair], Seen(draw(len(ours), 3), draw(len(ours), 3), ((ours, theirs),), LABELS)


def test_soft_targets_are_the_divergence_of_softened_probabilities() -> None:
    student, teacher = draw(4, 3), draw(4, 3, seed=1)
    ours, theirs = torch.softmax(student / 2, 1), torch.softmax(teacher / 2, 1)
    divergence = (theirs * (theirs / ours).log()).sum(1).mean()
    assert float(soft_loss(student, teacher, LABELS, 2.0)) == pytest.approx(4 * float(divergence), rel=1e-4)
    assert float(soft_loss(teacher, teacher + 5, LABELS, 2.0)) == pytest.approx(0, abs=1e-5)


def test_soft_targets_of_one_score_compare_both_answers() -> None:
    yes = torch.tensor([[0.0]]), torch.tensor([[math.log(3.0)]])  # probabilities 1/2 and 3/4
    expected = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert float(soft_loss(*yes, torch.tensor([[1]]), 1.0)) == pytest.approx(expected, rel=1e-5)


def test_soft_targets_of_numbers_are_their_mean_squared_difference() -> None:
    assert float(soft_loss(torch.tensor([[1.0]]), torch.tensor([[3.0]]), torch.tensor([[0.0]]), 4.0)) == 4


def test_a_temperature_keeps_the_size_of_the_gradients() -> None:
    """Section 2 of the paper: in the limit of high temperatures they do not depend on it."""
    norms = []
    for temperature in (20.0, 40.0):
        student = draw(4, 3).requires_grad_()
        soft_loss(student, draw(4, 3, seed=1), LABELS, temperature).backward()
        norms.append(float(student.grad.norm()))
    assert norms[0] == pytest.approx(norms[1], rel=0.1)


def test_features_begin_equal_where_they_are_and_project_where_they_are_narrower() -> None:
    maps = draw(4, 6, 5, 5)
    pairs, same = seen(maps, maps)
    assert float(DISTIL_KINDS.get("features").compare(pairs, 1.0).loss(same).detach()) == pytest.approx(0, abs=1e-6)
    pairs, narrower = seen(maps[:, :2], maps)
    comparison = DISTIL_KINDS.get("features").compare(pairs, 1.0)
    weight = comparison.parameters()[0]
    assert tuple(weight.shape) == (6, 2)
    comparison.loss(narrower).backward()
    assert float(weight.grad.abs().sum()) > 0


def test_attention_sees_where_and_not_how_much_or_in_how_many_channels() -> None:
    maps = draw(4, 6, 5, 5)
    pairs, scaled = seen(torch.cat([3 * maps, -3 * maps], 1), maps)
    comparison = DISTIL_KINDS.get("attention").compare(pairs, 1.0)
    assert float(comparison.loss(scaled)) == pytest.approx(0, abs=1e-6)
    _, shifted = seen(torch.cat([maps, maps], 1).roll(1, 3), maps)
    assert 0.1 < float(comparison.loss(shifted)) <= 4


def test_attention_of_a_vector_is_refused() -> None:
    pairs, _ = seen(draw(4, 6), draw(4, 6))
    with pytest.raises(ConfigError, match="layer 'a' gives one vector a sample, which has no places to attend to"):
        DISTIL_KINDS.get("attention").compare(pairs, 1.0)


@pytest.mark.parametrize("kind", ["features", "attention"])
def test_maps_of_another_resolution_are_refused(kind: str) -> None:
    pairs, _ = seen(draw(4, 6, 5, 5), draw(4, 6, 3, 3))
    with pytest.raises(ConfigError, match=r"layer 'a' of the student \(6, 5, 5\) with 'b' of the teacher \(6, 3, 3\)"):
        DISTIL_KINDS.get(kind).compare(pairs, 1.0)


def test_relations_do_not_change_when_the_space_is_turned_scaled_or_widened() -> None:
    points = draw(4, 3)
    turn = torch.linalg.qr(draw(3, 3, seed=1))[0]
    pairs, moved = seen(torch.cat([2 * points @ turn + 1, torch.zeros(4, 2)], 1), points)
    comparison = DISTIL_KINDS.get("relational").compare(pairs, 1.0)
    assert float(comparison.loss(moved)) == pytest.approx(0, abs=1e-6)
    _, other = seen(points.roll(1, 0), points)
    assert float(comparison.loss(other)) > 0.01


def test_distances_and_angles_are_those_of_geometry() -> None:
    corner = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    assert distances(corner) == pytest.approx(torch.tensor([[0, 3, 4], [3, 0, 5], [4, 5, 0]]) / 4.0, abs=1e-5)
    assert float(angles(corner)[0, 1, 2]) == pytest.approx(0, abs=1e-6)
    assert float(angles(corner)[1, 0, 2]) == pytest.approx(0.6, abs=1e-5)


def test_relations_of_equal_samples_have_finite_gradients() -> None:
    points = torch.ones(3, 2, requires_grad=True)
    (distances(points).sum() + angles(points).sum()).backward()
    assert bool(torch.isfinite(points.grad).all())
