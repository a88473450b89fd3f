"""Small real networks that the tests export; loaded through `module:function` like a user's."""

from __future__ import annotations

import torch
from torch import nn


def _conv(inputs: int, outputs: int, groups: int = 1) -> nn.Sequential:
    layers = (nn.Conv2d(inputs, outputs, 3, padding=1, groups=groups, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())
    return nn.Sequential(*layers)


class Residual(nn.Module):
    """Convolution, batch norm, depthwise, a residual sum, dropout and a linear head."""

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        self.stem = _conv(channels, 16)
        self.deep = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.down = nn.MaxPool2d(2)
        self.wide = _conv(16, 24)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(24, 5)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        y = self.stem(image)
        y = torch.relu(y + self.deep(y))
        y = self.pool(self.wide(self.down(y))).flatten(1)
        return self.head(self.drop(y))


class Normed(Residual):
    """Ends in a layer norm, which XNNPACK does not take."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(5)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.norm(super().forward(image))


class Segmenter(nn.Module):
    """An image in, an image out: both borders have a layout."""

    def __init__(self) -> None:
        super().__init__()
        self.body = _conv(3, 8)
        self.out = nn.Conv2d(8, 2, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.out(self.body(image))


class Branching(nn.Module):
    """Depends on the values of a tensor: cannot be exported."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        y = self.body(image)
        return y if y.sum() > 0 else -y


def _trained(model: nn.Module, channels: int) -> nn.Module:
    """Give the batch norms statistics as training would."""
    model.train()
    with torch.no_grad():
        for _ in range(3):
            model(torch.randn(16, channels, 8, 8))
    return model.eval()


def residual(channels: int = 3) -> nn.Module:
    return _trained(Residual(channels), channels)


def normed() -> nn.Module:
    return _trained(Normed(), 3)


def segmenter() -> nn.Module:
    return _trained(Segmenter(), 3)


def branching() -> nn.Module:
    return Branching().eval()


class Erfcx(nn.Module):
    """Calls an operation that no ExecuTorch kernel has."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.special.erfcx(x)


def unknown_operation() -> nn.Module:
    model = nn.Sequential()
    model.add_module("body", nn.Conv2d(3, 4, 3))
    model.add_module("act", Erfcx())
    return model.eval()


class Selecting(nn.Module):
    """Its output has as many elements as the input has positive ones."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.masked_select(image, image > 0)


def changing_shape() -> nn.Module:
    return Selecting().eval()
