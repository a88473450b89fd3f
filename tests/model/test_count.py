"""Parameters, bytes and MACs of every layer, against the textbook formulas."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from edgebuild.model.count import Counts, count_model


def count(model: nn.Module, *shape: int) -> Counts:
    return count_model(model.eval(), (torch.zeros(shape),))


def macs(counts: Counts) -> dict[str, int]:
    return {layer.layer: layer.macs for layer in counts.layers}


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.up = nn.ConvTranspose2d(8, 4, 2, stride=2)
        self.head = nn.Linear(4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.up(self.depthwise(self.norm(self.conv(x)))).mean((2, 3))
        return self.head(x) @ torch.zeros(5, 6)


def test_convolutions_and_matrix_products() -> None:
    counts = count(Net(), 1, 3, 8, 8)
    assert macs(counts) == {
        "conv": 16 * 8 * 3 * 9,
        "norm": 0,
        "depthwise": 16 * 8 * 9,
        "up": 16 * 8 * 4 * 4,
        "head": 4 * 5,
        "": 5 * 6,
    }
    assert counts.macs == sum(macs(counts).values())
    assert counts.parameters == sum(parameter.numel() for parameter in Net().parameters())
    # Two running statistics of 8 floats and a counter of 8 bytes beside the parameters.
    assert counts.bytes == 4 * counts.parameters + 2 * 8 * 4 + 8
    assert [layer.output_shape for layer in counts.layers][:2] == [(1, 8, 4, 4), (1, 8, 4, 4)]


def test_attention_is_counted_though_torch_fuses_it() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    projections, products, feed_forward = 5 * 8 * 32, 2 * 5 * 5 * 8, 2 * 5 * 8 * 16
    assert count(layer, 1, 5, 8).macs == projections + products + feed_forward


@pytest.mark.parametrize(("kind", "gates"), [(nn.LSTM, 4), (nn.GRU, 3), (nn.RNN, 1)])
def test_recurrent_layers_are_counted_per_step(kind: type[nn.RNNBase], gates: int) -> None:
    two_layers = gates * 7 * (5 + 7) + gates * 7 * (7 + 7)
    assert count(kind(5, 7, 2, batch_first=True), 1, 3, 5).macs == 3 * two_layers


def test_a_tied_weight_counts_once_and_a_layer_used_twice_works_twice() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
            self.second.weight = self.first.weight

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.second(self.first(self.first(x)))

    counts = count(Tied(), 1, 4)
    assert (counts.parameters, macs(counts)) == (16, {"first": 32, "second": 16})


def test_an_exported_program_is_counted_as_a_whole() -> None:
    module = torch.export.export(Net().eval(), (torch.zeros(1, 3, 8, 8),)).module()
    assert count_model(module, (torch.zeros(1, 3, 8, 8),)).macs == count(Net(), 1, 3, 8, 8).macs


def test_figures_are_exact() -> None:
    figures = {figure.name: figure for figure in count(Net(), 1, 3, 8, 8).figures()}
    assert {figure.kind for figure in figures.values()} == {"exact"}
    assert (figures["macs"].value, figures["macs"].unit) == (count(Net(), 1, 3, 8, 8).macs, "MAC")


class Aliased(nn.Module):
    """One layer with two names, called by both; the second name stands in a sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.other = nn.Sequential(self.one, nn.ReLU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.other(self.one(x))


def test_a_layer_with_two_names_is_counted_under_the_first_for_every_call() -> None:
    counts = count(Aliased(), 1, 4, 8, 8)
    assert macs(counts) == {"one": 2 * 64 * 4 * 4 * 9}
    assert counts.parameters == 4 * 4 * 9
