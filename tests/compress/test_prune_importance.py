"""Every criterion that looks at the model lets channels go first that do nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edgebuild.compress.prune.importance import IMPORTANCES, Scoring, score_groups
from edgebuild.compress.prune.trace import trace
from edgebuild.model.seeding import seeded
from tests.compress.workshop import image
from tests.compress.zoo import build

IDLE = [1, 4, 7, 12]
"""Channels of the second convolution that are made to do nothing."""


def scoring(seed: int = 1, network: str = "plain") -> Scoring:
    with seeded(0):
        model = build(network).eval()
    if network == "plain":
        silence(model)
    generator = torch.Generator().manual_seed(1)
    inputs, targets = torch.randn(24, 1, 8, 8, generator=generator), torch.arange(24) % 3
    found = trace(model, image(), 4)
    return Scoring(found, lambda: [((inputs,), targets)], torch.nn.functional.cross_entropy, seed)


def silence(model: torch.nn.Module) -> None:
    """Filters that are nearly zero and alike, and with them their normalisation and what reads them."""
    with torch.no_grad():
        convolution, norm, reader = (model.get_submodule(f"body.{name}") for name in ("1.0", "1.1", "2.0"))
        convolution.weight[IDLE] = 1e-3
        norm.weight[IDLE], norm.bias[IDLE], norm.running_mean[IDLE] = 1e-3, -1e-2, 0.0
        reader.weight[:, IDLE] *= 1e-3


@pytest.mark.parametrize("name", [name for name in IMPORTANCES.names() if name != "random"])
def test_idle_channels_go_first(name: str) -> None:
    scores = score_groups(name, scoring())["body.1.0"]
    lowest = sorted(np.argsort(scores, kind="stable")[: len(IDLE)].tolist())
    if name == "geometric_median":  # alike they are near each other, which is what it looks at, but not near the others
        assert np.ptp(scores[IDLE]) < 1e-6
    else:
        assert lowest == IDLE


@pytest.mark.parametrize("network", ["concat", "grouped", "flattened", "transposed", "scaled", "twice"])
def test_every_criterion_scores_every_channel_of_any_network(network: str) -> None:
    request = scoring(network=network)
    sizes = {group.name: group.size for group in request.trace.groups}
    for name in IMPORTANCES.names():
        scores = score_groups(name, request)
        assert all(np.isfinite(values).all() and (values >= 0).all() for values in scores.values())
        scored = {group: len(values) for group, values in scores.items()}
        # Where there is no batch normalisation, its scale says nothing.
        assert scored == sizes if name != "batch_norm" else scored.items() <= sizes.items()


def test_only_chance_depends_on_the_seed() -> None:
    first, other = scoring(1), scoring(2)
    differ = [
        name
        for name in IMPORTANCES.names()
        if not np.array_equal(score_groups(name, first)["body.1.0"], score_groups(name, other)["body.1.0"])
    ]
    assert differ == ["random"]


def test_taylor_is_the_change_of_the_loss_to_first_order() -> None:
    request = scoring()
    model = request.trace.model
    ((inputs, targets),) = request.batches()
    with torch.no_grad():
        whole = float(request.loss(model(*inputs), targets))
        reader = model.get_submodule("body.2.0")
        changes = []
        for channel in range(16):
            kept = reader.weight[:, channel].clone()
            reader.weight[:, channel] *= 0.99
            changes.append(abs(float(request.loss(model(*inputs), targets)) - whole) / 0.01)
            reader.weight[:, channel] = kept
    (group,) = [group for group in request.trace.groups if group.name == "body.1.0"]
    scores = IMPORTANCES.get("taylor").score(request)[request.trace.groups.index(group)]
    busy = [channel for channel in range(16) if channel not in IDLE]
    assert np.allclose(scores[busy], np.array(changes)[busy], rtol=0.05, atol=1e-3)
