"""Layers have the names that the user's model has for them."""

from __future__ import annotations

import torch
from torch import nn

from edgebuild.export.executorch.layers import mark_layers


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Sequential(nn.Linear(8, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.encoder(x))


def test_layers_inside_torchs_own_encoder_have_names_of_their_own() -> None:
    layers = mark_layers(torch.export.export(Encoder().eval(), (torch.zeros(1, 5, 8),)))
    inside = [f"encoder.layers.{number}." for number in (0, 1)]
    expected = {f"{name}{part}" for name in inside for part in ("self_attn", "linear1", "linear2", "norm1", "norm2")}
    assert expected | {"head.0"} <= set(layers)
    assert "encoder" not in layers
