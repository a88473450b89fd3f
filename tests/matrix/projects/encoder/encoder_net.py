"""One transformer encoder block, its attention written out; says which of three motifs a sequence holds."""

import math

import numpy as np
import torch
from torch import nn

STEPS, WIDTH, HEADS = 12, 16, 2


class Attention(nn.Module):
    """Multi-head self-attention in plain matrix products."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.join = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch = x.shape[0]
        size = WIDTH // HEADS
        query, key, value = (
            part(x).reshape(batch, STEPS, HEADS, size).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        weights = torch.softmax(query @ key.transpose(-2, -1) / math.sqrt(size), dim=-1)
        return self.join((weights @ value).transpose(1, 2).reshape(batch, STEPS, WIDTH))


class Encoder(nn.Module):
    """Embed, attend, feed forward, average, classify."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(4, WIDTH)
        self.position = nn.Parameter(0.1 * torch.randn(1, STEPS, WIDTH))
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention = Attention()
        self.feed = nn.Sequential(nn.Linear(WIDTH, 32), nn.GELU(), nn.Linear(32, WIDTH))
        self.head = nn.Linear(WIDTH, 3)

    def forward(self, steps: torch.Tensor) -> torch.Tensor:
        x = self.embed(steps) + self.position
        x = x + self.attention(self.norm1(x))
        x = x + self.feed(self.norm2(x))
        return self.head(x.mean(1))


def build() -> nn.Module:
    return Encoder()


def draw(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, count)
    steps = random.normal(0, 0.5, (count, STEPS, 4))
    motifs = np.random.default_rng(9).normal(0, 1.5, (3, 3, 4))
    starts = random.integers(0, STEPS - 3, count)
    for sample, (label, start) in enumerate(zip(labels, starts, strict=True)):
        steps[sample, start : start + 3] += motifs[label]
    return steps.astype(np.float32), labels


def load() -> dict:
    return {"train": draw(800, 0), "validation": draw(300, 1)}
