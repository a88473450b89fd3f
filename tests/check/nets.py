"""Small networks, each with one thing that the checks must see; loaded through `module:function` like a user's."""

from __future__ import annotations

import torch
from torch import nn


class Plain(nn.Module):
    """What every target likes: convolutions, a depthwise one, global pooling, a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU())
        self.depthwise = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1, groups=16), nn.ReLU())
        self.body = nn.Sequential(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU())
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(32, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.fc(torch.flatten(self.pool(self.body(self.depthwise(self.stem(image)))), 1))


class Shuffling(nn.Module):
    """Means one after the other, which want channels first, and an activation that the Edge TPU lacks."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.swish = nn.Hardswish()
        self.fc = nn.Linear(16, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.fc(self.swish(self.stem(image)).mean(3).mean(2))


class Branching(nn.Module):
    """Two branches with the same weights, whose results have different ranges and are then put together."""

    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Conv2d(3, 16, 3, padding=1)
        self.right = nn.Conv2d(3, 16, 3, padding=1)
        self.squash = nn.Sigmoid()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(32, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        both = torch.cat([self.left(image), self.squash(self.right(torch.relu(image)))], 1)
        return self.fc(torch.flatten(self.pool(both), 1))


class Flattening(nn.Module):
    """The classic: a classifier right on a feature map."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.fc = nn.Linear(4 * 8 * 8, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.fc(torch.flatten(torch.relu(self.stem(image)), 1))


class Attending(nn.Module):
    """A product of pixels with pixels, for which the model itself transposes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(16, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.stem(image)
        heads = x.reshape(1, 2, 8, 64).transpose(1, 2)
        mixed = torch.softmax(heads @ heads.transpose(2, 3), dim=-1) @ heads
        return self.fc(torch.flatten(self.pool(mixed.transpose(1, 2).reshape(1, 16, 8, 8)), 1))


class Cumulative(nn.Module):
    """An operation that XNNPACK does not have."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cumsum(x, 3)


class Interrupted(nn.Module):
    """Two convolutions with such an operation between them."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, padding=1)
        self.middle = Cumulative()
        self.second = nn.Conv2d(16, 8, 3, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.second(self.middle(self.first(image))).mean((2, 3))


class Thinned(nn.Module):
    """A convolution, a depthwise one and a linear layer whose weights are mostly zero, large enough for it to pay."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 64, 1), nn.ReLU())
        self.depthwise = nn.Sequential(nn.Conv2d(64, 64, 7, padding=3, groups=64), nn.ReLU())
        self.body = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.ReLU())
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(64, 128)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.fc(torch.flatten(self.pool(self.body(self.depthwise(self.stem(image)))), 1))


def plain() -> nn.Module:
    return Plain()


def shuffling() -> nn.Module:
    return Shuffling()


def attending() -> nn.Module:
    return Attending()


def branching() -> nn.Module:
    net = Branching()
    net.right.load_state_dict(net.left.state_dict())
    return net


def flattening() -> nn.Module:
    return Flattening()


def interrupted() -> nn.Module:
    return Interrupted()


def sparse() -> nn.Module:
    """Three of four weights of the first layer are zero, and the rest have three values."""
    net = Flattening()
    pattern = torch.tensor([0.0, 0, 0, 0.5, 0, 0, 0, 0.25, 0, 0, 0, -0.5])
    with torch.no_grad():
        net.stem.weight.copy_(pattern.repeat(9).reshape(net.stem.weight.shape))
    return net


def thinned() -> nn.Module:
    """Nine of ten weights of every layer but the first are zero."""
    net = Thinned()
    generator = torch.Generator().manual_seed(5)
    for layer in (net.depthwise[0], net.body[0], net.fc):
        layer.weight.data *= torch.rand(layer.weight.shape, generator=generator) > 0.9
    return net
