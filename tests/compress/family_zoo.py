"""Small networks of every family that is deployed, each with data it can learn; this file is the user's module.

text      token ids -> class: embedding, torch's own encoder, mean pooling
vision    image -> class: a vision transformer with fused queries, keys and values
sensor    signal -> class: one-dimensional convolutions
mobile    image -> class: depthwise-separable convolutions
restore   vector -> vector: an autoencoder of linear layers, judged by its error
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

TOKENS, WORDS = 12, 40


class Text(nn.Module):
    """Tokens [n, 12] -> scores [n, 3]."""

    def __init__(self, width: int = 32, layers: int = 2) -> None:
        super().__init__()
        self.embed = nn.Embedding(WORDS, width)
        self.position = nn.Parameter(0.1 * torch.randn(1, TOKENS, width))
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers)
        self.head = nn.Linear(width, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.encoder(self.embed(tokens) + self.position).mean(1))


class Attention(nn.Module):
    """Self-attention with one layer for queries, keys and values."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.size = heads, width // heads
        self.qkv, self.project = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (part.unflatten(-1, (self.heads, self.size)).transpose(1, 2) for part in self.qkv(x).chunk(3, -1))
        mixed = torch.softmax(q @ k.transpose(-2, -1) * self.size**-0.5, -1) @ v
        return self.project(mixed.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Normalise, attend, normalise, feed forward."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.feed(self.norm2(x))


class Vision(nn.Module):
    """Images [n, 1, 12, 12] -> scores [n, 3]."""

    def __init__(self, width: int = 32, layers: int = 2) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, width, 4, 4)
        self.position = nn.Parameter(0.1 * torch.randn(1, 9, width))
        self.blocks = nn.Sequential(*(Block(width, 4) for _ in range(layers)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 3)

    def forward(self, image: Tensor) -> Tensor:
        x = self.patches(image).flatten(2).transpose(1, 2) + self.position
        return self.head(self.norm(self.blocks(x)).mean(1))


def _signal(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    layer = nn.Conv1d(inputs, outputs, 5, stride, padding=2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm1d(outputs), nn.ReLU())


def sensor(width: int = 16) -> nn.Module:
    """Signals [n, 3, 32] -> scores [n, 3]."""
    body = [_signal(3, width), _signal(width, width, 2), nn.MaxPool1d(2), _signal(width, 2 * width)]
    return nn.Sequential(*body, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(2 * width, 3))


def _separable(inputs: int, outputs: int) -> nn.Sequential:
    depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
    pointwise = nn.Conv2d(inputs, outputs, 1, bias=False)
    return nn.Sequential(
        *(depthwise, nn.BatchNorm2d(inputs), nn.ReLU6(), pointwise, nn.BatchNorm2d(outputs), nn.ReLU6())
    )


def mobile(width: int = 16) -> nn.Module:
    """Images [n, 1, 12, 12] -> scores [n, 3]."""
    stem = [nn.Conv2d(1, width, 3, 2, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU6()]
    body = [_separable(width, 2 * width), _separable(2 * width, 2 * width)]
    return nn.Sequential(*stem, *body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2 * width, 3))


def restore(width: int = 48) -> nn.Module:
    """Vectors [n, 24] -> vectors [n, 24]."""
    return nn.Sequential(
        *(nn.Linear(24, width), nn.ReLU(), nn.Linear(width, 8), nn.ReLU(), nn.Linear(8, width), nn.ReLU()),
        nn.Linear(width, 24),
    )


BUILDERS = {"text": Text, "vision": Vision, "sensor": sensor, "mobile": mobile, "restore": restore}


BEHIND_NORMS = {"text": ("encoder.layers.0.linear1",), "vision": ("blocks.0.attention.qkv", "blocks.0.feed.0")}
"""Linear layers of the students that TFLite's converter multiplies the scale of a layer norm into."""


def build(network: str) -> nn.Module:
    """The factory."""
    return BUILDERS[network]()


def student(network: str) -> nn.Module:
    """Half as wide, and of a transformer half as deep."""
    if network in ("text", "vision"):
        return BUILDERS[network](width=16, layers=1)
    return BUILDERS[network](width=24 if network == "restore" else 8)


def _texts(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Which of three words stands in a text of others."""
    labels = np.arange(count) % 3
    tokens = rng.integers(3, WORDS, (count, TOKENS))
    for place in range(2):
        tokens[np.arange(count), rng.integers(place * 6, place * 6 + 6, count)] = labels
    return tokens.astype(np.int64), labels


def _images(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Stripes across, along, or none."""
    labels = np.arange(count) % 3
    images = rng.normal(0, 0.5, (count, 1, 12, 12)).astype(np.float32)
    images[labels == 0, :, ::2, :] += 1
    images[labels == 1, :, :, ::2] += 1
    return images, labels


def _signals(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Three frequencies, in noise."""
    labels = np.arange(count) % 3
    time = np.arange(32)[None, None] + rng.uniform(0, 32, (count, 3, 1))
    waves = np.sin(time * np.array([0.4, 0.9, 1.6])[labels][:, None, None])
    return (waves + rng.normal(0, 0.3, waves.shape)).astype(np.float32), labels


def _vectors(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points on a curved surface of four dimensions; the target is the point without its noise."""
    mixing = np.random.default_rng(5).normal(0, 0.7, (4, 24))
    clean = np.tanh(rng.normal(0, 1, (count, 4)) @ mixing).astype(np.float32)
    return clean + rng.normal(0, 0.05, clean.shape).astype(np.float32), clean


def load(network: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The data function."""
    draw = {"text": _texts, "sensor": _signals, "restore": _vectors}.get(network, _images)
    return {name: draw(count, np.random.default_rng(count)) for name, count in (("train", 240), ("validation", 90))}
