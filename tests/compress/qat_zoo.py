"""Networks that quantization-aware training must handle; this file is the user's model.py. See zoo.py for the data."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.compress.parts import as_if_trained, conv


class Residual(nn.Module):
    """A depthwise-separable block without an activation function at its end, added to its input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = conv(channels, channels, groups=channels, act=nn.ReLU6)
        self.pointwise = nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.pointwise(self.depthwise(x)))


def mobile() -> nn.Module:
    body = [conv(1, 16, act=nn.ReLU6), Residual(16), nn.MaxPool2d(2), conv(16, 24, 1)]
    return nn.Sequential(*body, nn.Dropout(0.2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 3))


class Branches(nn.Module):
    """Two branches side by side, then a convolution of groups without a batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = conv(1, 8), conv(1, 8, 1)
        self.both = nn.Conv2d(16, 16, 3, padding=1, groups=2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.both(torch.cat([self.left(x), self.right(x)], 1)))


class Ways(nn.Module):
    """The input and the result of `left` are read by layers of both kinds, where `left` and `deep` stay float."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.deep = conv(1, 8), conv(1, 8, 1), conv(8, 8)
        self.both, self.last, self.head = conv(16, 8), conv(16, 8), nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        left = self.left(x)
        deep = self.deep(left)
        exact = nn.functional.avg_pool2d(torch.cat([left + deep, deep], 1), 2)
        rounded = nn.functional.max_pool2d(self.both(torch.cat([left, self.right(x)], 1)), 2)
        joined = torch.cat([self.last(exact), rounded], 1)
        return self.head(nn.functional.adaptive_avg_pool2d(joined, 1).flatten(1))


def ways() -> nn.Module:
    return Ways()


def branches() -> nn.Module:
    return nn.Sequential(Branches(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 3))


def mlp() -> nn.Module:
    hidden = [nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 16), nn.ReLU()]
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(16, 3))


def signal() -> nn.Module:
    """The rows of the image as the channels of a signal."""
    first = [nn.Flatten(1, 2), nn.Conv1d(8, 16, 3, padding=1), nn.BatchNorm1d(16), nn.ReLU(), nn.MaxPool1d(2)]
    return nn.Sequential(
        *first, nn.Conv1d(16, 16, 3), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(16, 3)
    )


class Encoder(nn.Module):
    """PyTorch's own encoder layer over the rows of the image."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 16)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True)
        self.head = nn.Linear(16, 3)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.layer(self.embed(image.flatten(1, 2))).mean(1))


def encoder() -> nn.Module:
    return Encoder()


def bare() -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d((1, 3)), nn.Flatten())


def normed() -> nn.Module:
    weight_norm = torch.nn.utils.parametrizations.weight_norm
    return nn.Sequential(nn.Flatten(), weight_norm(nn.Linear(64, 3)))


class OneSample(nn.Module):
    """The code says how many samples there are."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(64, 3)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(image.reshape(1, 64))


def one_sample() -> nn.Module:
    return OneSample()


class SharedNorm(nn.Module):
    """One convolution in front of two batch norms, which cannot both be folded into it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.one, self.other = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 3)

    def forward(self, image: Tensor) -> Tensor:
        return self.head((self.one(self.conv(image)) + self.other(self.conv(-image))).mean((2, 3)))


def shared_norm() -> nn.Module:
    return SharedNorm()


NETWORKS = (mobile, branches, ways, mlp, signal, encoder, bare, normed, one_sample, shared_norm)


def build(network: str = "mobile") -> nn.Module:
    """The factory; statistics of batch normalisation are as if it had been trained."""
    return as_if_trained({function.__name__: function for function in NETWORKS}[network]())
