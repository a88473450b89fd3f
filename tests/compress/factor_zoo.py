"""Networks in which every kind of layer stands that can be factorized, or must be left alone; the user's model.py.

Every one takes images [n, 1, 8, 8] and gives scores [n, 3].
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.compress.parts import as_if_trained, conv


class Head(nn.Module):
    """Average over positions, linear layer."""

    def __init__(self, body: nn.Module, channels: int) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(channels, 3)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.body(image).mean((2, 3), keepdim=True).flatten(1))


def plain() -> nn.Module:
    return Head(nn.Sequential(conv(1, 16), conv(16, 16), nn.Conv2d(16, 24, 3, 2, padding=1), conv(24, 16, 1)), 16)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = conv(1, 16)
        self.inner = nn.Sequential(conv(16, 16), nn.Conv2d(16, 16, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x)
        return torch.relu(y + self.inner(y))


def residual() -> nn.Module:
    return Head(Residual(), 16)


def mobile() -> nn.Module:
    return Head(nn.Sequential(conv(1, 16), conv(16, 16, groups=16), conv(16, 32, 1), conv(32, 32, groups=2)), 32)


def perceptron() -> nn.Module:
    hidden = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 64), nn.ReLU())
    return nn.Sequential(nn.Flatten(), hidden, nn.Linear(64, 3))


class Signal(nn.Module):
    """One-dimensional convolutions over the rows."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(8, 16, 3, padding=1)
        self.norm = nn.BatchNorm1d(16)
        self.second, self.third = nn.Conv1d(16, 16, 5, padding=2), nn.Conv1d(16, 16, 3, stride=2, padding=1)
        self.head = nn.Linear(16, 3)

    def forward(self, image: Tensor) -> Tensor:
        y = torch.relu(self.norm(self.first(image.squeeze(1))))
        return self.head(torch.relu(self.third(torch.relu(self.second(y)))).mean(2))


def signal() -> nn.Module:
    return Signal()


class Encoder(nn.Module):
    """A transformer encoder over the rows of the image, with matrix products only."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 16)
        self.norm = nn.LayerNorm(16)
        self.qkv, self.project = nn.Linear(16, 48), nn.Linear(16, 16)
        self.up, self.down = nn.Linear(16, 32), nn.Linear(32, 16)
        self.head = nn.Linear(16, 3)

    def forward(self, image: Tensor) -> Tensor:
        x = self.embed(image.squeeze(1))
        n = x.shape[0]
        q, k, v = self.qkv(self.norm(x)).reshape(n, 8, 3, 2, 8).permute(2, 0, 3, 1, 4)
        mixed = torch.softmax(q @ k.transpose(-1, -2), -1) @ v
        x = x + self.project(mixed.transpose(1, 2).reshape(n, 8, 16))
        x = x + self.down(torch.relu(self.up(x)))
        return self.head(x.mean(1))


def encoder() -> nn.Module:
    return Encoder()


class TorchEncoder(nn.Module):
    """torch's own encoder layer, whose fast path reads the weights of the layers inside."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 64, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(16, 3)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.encoder(self.embed(image.squeeze(1))).mean(1))


def torch_encoder() -> nn.Module:
    return TorchEncoder()


class Twice(nn.Module):
    """One layer that is called two times."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.again = conv(1, 16), nn.Conv2d(16, 16, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.again(torch.relu(self.again(self.stem(x)))))


def twice() -> nn.Module:
    return Head(Twice(), 16)


class Alias(nn.Module):
    """One layer with two names."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.one = conv(1, 16), nn.Conv2d(16, 16, 3, padding=1)
        self.other = nn.Sequential(self.one, nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return self.other(torch.relu(self.one(self.stem(x))))


def alias() -> nn.Module:
    return Head(Alias(), 16)


class Padded(nn.Conv2d):
    """A convolution with a forward of its own."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(nn.functional.pad(x, (2, 0, 2, 0)))


class Difficult(nn.Module):
    """Everything that must stay whole, and one layer that need not."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
        self.one, self.tied = nn.Conv2d(16, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1)
        self.tied.weight = self.one.weight
        self.depthwise = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.grouped = nn.Conv2d(16, 16, 3, padding=1, groups=2)
        self.padded = Padded(16, 16, 3)
        self.normed = nn.utils.parametrizations.weight_norm(nn.Conv2d(16, 16, 3, padding=1))
        self.up = nn.ConvTranspose2d(16, 16, 2, 2)
        self.read = nn.Conv2d(16, 16, 3, padding=1)
        self.plain = nn.Conv2d(16, 16, 3, padding=1)
        self.idle = nn.Conv2d(16, 16, 3)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.depthwise(self.tied(self.one(self.stem(x)))))
        y = self.up(self.normed(self.padded(self.grouped(y))))
        y = nn.functional.conv2d(torch.relu(y), self.read.weight + 0 * self.read(y).mean(), padding=1)
        rows = self.plain(y).flatten(2).transpose(1, 2)
        return (rows + self.attention(rows, rows, rows)[0]).transpose(1, 2).unsqueeze(3)


def difficult() -> nn.Module:
    return Head(Difficult(), 16)


def tiny() -> nn.Module:
    return Head(nn.Sequential(conv(1, 4), conv(4, 4, groups=4)), 4)


MODELS = {
    function.__name__: function
    for function in (
        *(plain, residual, mobile, perceptron, signal, encoder, torch_encoder, twice, alias, difficult, tiny),
    )
}


def build(network: str = "plain") -> nn.Module:
    """The factory; statistics of batch normalisation are as if it had been trained."""
    return as_if_trained(MODELS[network]())
