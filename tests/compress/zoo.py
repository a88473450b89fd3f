"""Networks in which channels depend on each other in every way that pruning must see; this file is the user's model.py.

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
        return self.head(self.body(image).mean((2, 3)))


def plain() -> nn.Module:
    return Head(nn.Sequential(conv(1, 16), conv(16, 16), conv(16, 24)), 24)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = conv(1, 16)
        self.inner = nn.Sequential(conv(16, 8), nn.Conv2d(8, 16, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x)
        return torch.relu(y + self.inner(y))


def residual() -> nn.Module:
    return Head(Residual(), 16)


def depthwise() -> nn.Module:
    return Head(nn.Sequential(conv(1, 16), conv(16, 16, groups=16), conv(16, 24, 1)), 24)


class Concat(nn.Module):
    """Two branches side by side, and a third one added to both."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = conv(1, 8), conv(1, 16)
        self.both = nn.Conv2d(1, 24, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.left(x), self.right(x)], 1) + self.both(x)


def concat() -> nn.Module:
    return Head(nn.Sequential(Concat(), conv(24, 8)), 8)


def grouped() -> nn.Module:
    return Head(nn.Sequential(conv(1, 16), conv(16, 32, groups=2), conv(32, 16)), 16)


def flattened() -> nn.Module:
    return nn.Sequential(
        conv(1, 16), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16 * 16, 16), nn.PReLU(16), nn.Linear(16, 3)
    )


def transposed() -> nn.Module:
    up = nn.ConvTranspose2d(16, 8, 2, stride=2)
    return Head(nn.Sequential(conv(1, 16), nn.MaxPool2d(2), up, nn.ReLU(), conv(8, 16)), 16)


class Scaled(nn.Module):
    """A parameter that belongs to no layer, and squeeze-and-excitation."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv(1, 16)
        self.scale = nn.Parameter(torch.linspace(0.5, 1.5, 16).reshape(16, 1, 1))
        self.squeeze, self.excite = nn.Linear(16, 8), nn.Linear(8, 16)

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x) * self.scale
        gate = torch.sigmoid(self.excite(torch.relu(self.squeeze(y.mean((2, 3))))))
        return y * gate[:, :, None, None]


def scaled() -> nn.Module:
    return Head(Scaled(), 16)


class Twice(nn.Module):
    """One layer that is called two times."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.again = conv(1, 16), conv(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        return self.again(self.again(self.stem(x)))


def twice() -> nn.Module:
    return Head(Twice(), 16)


class Signal(nn.Module):
    """One-dimensional convolutions with normalisation over groups of channels."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv1d(8, 16, 3, padding=1), nn.GroupNorm(2, 16)
        self.second = nn.Conv1d(16, 16, 3, padding=1)
        self.head = nn.Linear(16, 3)

    def forward(self, image: Tensor) -> Tensor:
        y = torch.relu(self.norm(self.first(image.squeeze(1))))
        return self.head(torch.relu(self.second(y)).mean(2))


def signal() -> nn.Module:
    return Signal()


class Encoder(nn.Module):
    """A transformer encoder over the rows of the image; heads are fixed by its code, hidden units are not."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 16)
        self.position = nn.Parameter(torch.zeros(1, 8, 16))
        self.norm = nn.LayerNorm(16)
        self.qkv, self.project = nn.Linear(16, 48), nn.Linear(16, 16)
        self.up, self.down = nn.Linear(16, 32), nn.Linear(32, 16)
        self.head = nn.Linear(16, 3)

    def forward(self, image: Tensor) -> Tensor:
        x = self.embed(image.squeeze(1)) + self.position
        n = x.shape[0]
        q, k, v = self.qkv(self.norm(x)).reshape(n, 8, 3, 2, 8).permute(2, 0, 3, 1, 4)
        mixed = torch.softmax(q @ k.transpose(-1, -2), -1) @ v
        x = x + self.project(mixed.transpose(1, 2).reshape(n, 8, 16))
        x = x + self.down(torch.nn.functional.gelu(self.up(x)))
        return self.head(x.mean(1))


def encoder() -> nn.Module:
    return Encoder()


class Shuffled(nn.Module):
    """Channels in another order behind a reshape, as in ShuffleNet."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.after = conv(1, 16), conv(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x)
        n, c, h, w = y.shape
        return self.after(y.reshape(n, 4, c // 4, h, w).transpose(1, 2).reshape(n, c, h, w))


def shuffled() -> nn.Module:
    return Head(Shuffled(), 16)


class Fixed(nn.Module):
    """The code says how many channels there are."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = conv(1, 16), conv(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        return self.second(y.view(-1, 16, 8, 8))


def fixed() -> nn.Module:
    return Head(Fixed(), 16)


class Tied(nn.Module):
    """Two layers with one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv(1, 16)
        self.one, self.other = nn.Conv2d(16, 16, 1), nn.Conv2d(16, 16, 1)
        self.other.weight = self.one.weight
        self.last = conv(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.other(torch.relu(self.one(self.stem(x)))))


def tied() -> nn.Module:
    return Head(Tied(), 16)


class Spatial(nn.Module):
    """Spatial attention: the mean over all channels decides."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.after = conv(1, 16), conv(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x)
        return self.after(y * torch.sigmoid(y.mean(1, keepdim=True)))


def spatial() -> nn.Module:
    return Head(Spatial(), 16)


def tiny() -> nn.Module:
    return Head(nn.Sequential(conv(1, 1), conv(1, 4)), 4)


MODELS = {
    function.__name__: function
    for function in (
        *(plain, residual, depthwise, concat, grouped, flattened, transposed, scaled, twice, signal, encoder),
        *(shuffled, fixed, tied, spatial, tiny),
    )
}


def build(network: str = "plain") -> nn.Module:
    """The factory; statistics of batch normalisation are as if it had been trained."""
    return as_if_trained(MODELS[network]())
