"""Every method: exact at full rank, better with more rank, and as dear as its factors really are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from edgebuild.compress.factorize import factors
from edgebuild.compress.factorize.layers import Layer, find_layers
from edgebuild.compress.factorize.methods import METHODS, Ranks
from edgebuild.compress.factorize.vbmf import vbmf
from edgebuild.model.count import count_model
from edgebuild.model.edits.factorize import new_factor

LAYERS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "linear": (nn.Linear(12, 20), (3, 12)),
    "linear of a sequence": (nn.Linear(12, 9, bias=False), (1, 5, 12)),
    "1x1 with stride": (nn.Conv2d(6, 10, 1, stride=2), (1, 6, 9, 8)),
    "stride and padding": (nn.Conv2d(6, 10, 3, padding=1, stride=2), (1, 6, 9, 8)),
    "uneven": (nn.Conv2d(6, 8, (5, 3), (1, 2), (2, 1), (2, 1), bias=False), (1, 6, 12, 12)),
    "circular": (nn.Conv2d(6, 8, (5, 3), (1, 2), (2, 1), padding_mode="circular"), (1, 6, 12, 12)),
    "same, reflected": (nn.Conv2d(4, 8, (3, 5), padding="same", padding_mode="reflect"), (1, 4, 12, 12)),
    "same, even kernel": (nn.Conv2d(4, 8, 4, padding="same"), (1, 4, 12, 12)),
    "valid": (nn.Conv2d(4, 8, 3, padding="valid"), (1, 4, 12, 12)),
    "one input": (nn.Conv2d(1, 8, 3), (1, 1, 12, 12)),
    "signal": (nn.Conv1d(6, 10, 5, stride=2, padding=2), (1, 6, 20)),
}
CASES = [
    (name, layer)
    for name in ("svd", "tucker2", "spatial_svd", "cp")
    for layer, (module, _) in LAYERS.items()
    if name == "svd"
    or (name == "spatial_svd" and len(getattr(module, "kernel_size", ())) == 2 and layer != "1x1 with stride")
    or (name in ("tucker2", "cp") and not layer.startswith(("linear", "1x1")))
]
SIZE_OF_FLOAT_ERRORS = 1e-11
"""Of squared norms."""


def made(name: str) -> tuple[nn.Module, Layer, torch.Tensor]:
    """The layer with drawn weights, what the step sees of it, and an input."""
    module, shape = LAYERS[name]
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    x = torch.randn(shape, generator=generator)
    (layer,), _ = find_layers(nn.Sequential(module).eval(), (x[:1],))
    return module, layer, x


def factorized(name: str, layer: Layer, ranks: Ranks, bias: torch.Tensor | None) -> nn.Sequential:
    method = METHODS.get(name)
    made = nn.Sequential(*(new_factor(factor) for factor in method.factors(layer, ranks)))
    with torch.no_grad():
        for module, weight in zip(made, method.weights(layer, ranks, 0), strict=True):
            module.weight.copy_(torch.from_numpy(np.ascontiguousarray(weight)))
        if bias is not None:
            made[-1].bias.copy_(bias)
    return made


def lost(expected: torch.Tensor, found: torch.Tensor) -> float:
    return float((expected - found).detach().square().sum() / expected.detach().square().sum())


def share(full: Ranks, part: float) -> Ranks:
    return tuple(max(1, round(part * size)) for size in full)


@pytest.mark.parametrize(("name", "layer_name"), [case for case in CASES if case[0] != "cp"])
def test_full_rank_is_the_layer_itself_and_less_is_worse(name: str, layer_name: str) -> None:
    module, layer, x = made(layer_name)
    full = METHODS.get(name).full(layer)
    losses = METHODS.get(name).losses(layer, 0)
    errors = []
    for part in (0.25, 0.5, 0.75, 1.0):
        ranks = share(full, part)
        errors.append(losses(ranks))
        found = lost(module(x), factorized(name, layer, ranks, module.bias)(x))
    assert found < SIZE_OF_FLOAT_ERRORS
    assert errors[-1] < SIZE_OF_FLOAT_ERRORS
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 0.05


@pytest.mark.parametrize(
    ("name", "layer_name"),
    [case for case in CASES if case[1] in ("stride and padding", "uneven", "same, reflected", "signal")],
)
def test_the_loss_told_is_that_of_the_weights_made(name: str, layer_name: str) -> None:
    _, layer, _ = made(layer_name)
    ranks = share(METHODS.get(name).full(layer), 0.2 if name == "cp" else 0.6)
    told = METHODS.get(name).losses(layer, 0)(ranks)
    own = layer.weight
    # The answer to an impulse at the last position of a window shows every number of the kernel.
    shape = [2 * size - 1 for size in layer.kernel]
    impulses = torch.zeros(own.shape[1], own.shape[1], *shape)
    for channel in range(own.shape[1]):
        impulses[(channel, channel, *(size - 1 for size in layer.kernel))] = 1
    whole = factorized(name, layer, ranks, None)
    for module in whole:
        module.stride, module.dilation = (tuple(1 for _ in layer.kernel),) * 2
        module.padding, module.padding_mode = tuple(0 for _ in layer.kernel), "zeros"
        module.bias = None
    with torch.no_grad():
        kernel = whole(impulses).transpose(0, 1).flip(tuple(range(2, 2 + len(shape)))).double().numpy()
    found = ((own - kernel) ** 2).sum() / (own**2).sum()
    # Iterating makes the factors of Tucker and CP better than those whose loss is told.
    assert found <= told + 1e-6
    assert found == pytest.approx(told, abs={"tucker2": 0.03, "cp": 0.1}.get(name, 1e-4))


@pytest.mark.parametrize("layer_name", ["stride and padding", "uneven", "same, even kernel", "signal", "one input"])
def test_cp_comes_near_the_layer_with_many_components(layer_name: str) -> None:
    module, layer, x = made(layer_name)
    losses = METHODS.get("cp").losses(layer, 0)
    (full,) = METHODS.get("cp").full(layer)
    ranks = [share((min(full, 40),), part) for part in (0.1, 0.4, 1.0)]
    errors = [losses(one) for one in ranks]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.05
    assert lost(module(x), factorized("cp", layer, ranks[-1], module.bias)(x)) < 0.1


@pytest.mark.parametrize(("name", "layer_name"), CASES)
def test_the_cost_is_known_without_running_the_factors(name: str, layer_name: str) -> None:
    module, layer, x = made(layer_name)
    whole = count_model(module, (x[:1],))
    assert (factors.macs(layer, [layer.arguments]), factors.parameters([layer.arguments])) == (
        whole.macs,
        whole.parameters,
    )
    table = METHODS.get(name).factors(layer, share(METHODS.get(name).full(layer), 0.3))
    real = count_model(nn.Sequential(*(new_factor(factor) for factor in table)), (x[:1],))
    assert (factors.macs(layer, table), factors.parameters(table)) == (real.macs, real.parameters)


def test_a_full_side_of_tucker_needs_no_factor() -> None:
    _, layer, _ = made("stride and padding")
    kernels = [[factor["kernel_size"] for factor in METHODS.get("tucker2").factors(layer, ranks)] for ranks in RANKS]
    assert kernels == [[[1, 1], [3, 3], [1, 1]], [[3, 3], [1, 1]], [[1, 1], [3, 3]]]


RANKS = [(4, 4), (4, 6), (10, 4)]


@pytest.mark.parametrize(
    ("rows", "columns", "rank", "deviation"), [(60, 100, 5, 0.3), (100, 60, 10, 1.0), (64, 576, 12, 0.5)]
)
def test_variational_bayes_finds_the_rank_and_the_noise(rows: int, columns: int, rank: int, deviation: float) -> None:
    rng = np.random.default_rng(3)
    signal = rng.normal(size=(rows, rank)) @ rng.normal(size=(rank, columns))
    found, noise = vbmf(signal + deviation * rng.normal(size=(rows, columns)))
    assert found == rank
    assert noise == pytest.approx(deviation**2, rel=0.05)


def test_variational_bayes_finds_nothing_in_noise() -> None:
    assert vbmf(np.random.default_rng(0).normal(size=(40, 90)))[0] == 0
    assert vbmf(np.zeros((4, 9))) == (0, 0.0)


def test_two_runs_give_the_same_numbers() -> None:
    _, layer, _ = made("stride and padding")
    for name in METHODS.names():
        ranks = share(METHODS.get(name).full(layer), 0.2)
        first, second = (METHODS.get(name).weights(layer, ranks, 5) for _ in range(2))
        assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))
