"""What can be cut together is found in every network of the zoo, and cutting equals silencing."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from edgebuild.compress.prune.cost import CostModel
from edgebuild.compress.prune.cut import apply, edits_of
from edgebuild.compress.prune.trace import Trace, trace
from edgebuild.compress.prune.trial import silenced
from edgebuild.model.count import count_model
from edgebuild.model.seeding import seeded
from tests.compress.workshop import image
from tests.compress.zoo import MODELS, build

CUT = ["plain", "residual", "depthwise", "concat", "grouped", "flattened", "transposed", "scaled", "twice", "shuffled"]
MIXED = ["signal", "encoder"]


def made(network: str) -> torch.nn.Module:
    with seeded(0):
        return build(network).eval()


def traced(network: str, round_to: int = 4) -> tuple[torch.nn.Module, Trace]:
    model = made(network)
    return model, trace(model, image(), round_to)


def half(found: Trace) -> dict[str, list[int]]:
    """Half of the channels of every group, drawn."""
    rng = np.random.default_rng(1)
    return {group.name: sorted(rng.permutation(group.size)[: group.size // 2].tolist()) for group in found.groups}


@pytest.mark.parametrize("network", CUT)
def test_a_cut_model_computes_what_the_whole_one_does_without_these_channels(network: str) -> None:
    model, found = traced(network)
    cut = copy.deepcopy(model)
    apply(cut, edits_of(model, found.groups, half(found)))
    expected = silenced(model, found.groups, half(found))(*image())
    assert torch.allclose(cut(*image()), expected, atol=1e-6)
    assert not torch.allclose(model(*image()), expected, atol=1e-3)


@pytest.mark.parametrize("network", [*CUT, *MIXED])
def test_the_cost_is_known_without_running_the_cut_model(network: str) -> None:
    model, found = traced(network)
    counts = count_model(model, image())
    costs = CostModel(model, found.groups, {row.layer: row.macs for row in counts.layers})
    cut = copy.deepcopy(model)
    apply(cut, edits_of(model, found.groups, half(found)))
    after = costs.after({name: len(gone) for name, gone in half(found).items()})
    real = count_model(cut, image())
    assert (after.parameters, after.macs) == (real.parameters, real.macs)
    assert after.macs < counts.macs


@pytest.mark.parametrize("network", sorted(MODELS))
def test_outputs_of_the_model_are_never_cut(network: str) -> None:
    _, found = traced(network, round_to=1)
    reasons = {item.layer: item.reason for item in found.left_alone}
    head = next(name for name in ("head", "5") if name in reasons)
    assert reasons[head] == "they are outputs of the model"


def test_layers_that_add_up_go_together_and_branches_side_by_side_do_not() -> None:
    _, found = traced("concat")
    makers = [dict(group.makers) for group in found.groups]
    assert makers[:2] == [{"body.0.left.0": 1, "body.0.both": 1}, {"body.0.right.0": 1, "body.0.both": 1}]
    assert [group.size for group in found.groups] == [8, 16, 8]


def test_a_grouped_convolution_loses_the_same_channels_of_every_group() -> None:
    _, found = traced("grouped")
    assert [(group.size, group.step) for group in found.groups] == [(8, 2), (16, 2), (16, 4)]
    assert found.groups[0].parts[0].indices[3] == (3, 11)


@pytest.mark.parametrize(
    ("network", "layer", "reason"),
    [
        ("shuffled", "body.stem.0", "other channels change when they go"),
        ("spatial", "body.stem.0", "other channels change when they go"),
        ("fixed", "body.first.0", "the model does not run with fewer of these channels: RuntimeError"),
        ("encoder", "qkv", "the model does not run with fewer of these channels: RuntimeError"),
        ("tied", "body.one", "body.one.weight is shared with another layer"),
        ("tied", "body.stem.0", "body.one.weight is shared with another layer"),
        ("tiny", "body.0.0", "its one channel cannot be cut"),
        ("tiny", "body.1.0", "its 4 channels cannot be cut to a multiple of 4"),
    ],
)
def test_what_cannot_be_cut_is_left_alone_and_says_why(network: str, layer: str, reason: str) -> None:
    _, found = traced(network)
    reasons = {item.layer: item.reason for item in found.left_alone}
    assert reasons[layer].startswith(reason)
    assert all(layer not in group.producers for group in found.groups)


def test_tracing_leaves_the_model_as_it_was() -> None:
    model = made("residual")
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    trace(model.train(), image(), 4)
    assert model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
