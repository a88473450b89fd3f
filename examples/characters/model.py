"""A small transformer that reads characters and says, at every place, which one comes next."""

import torch
from torch import nn


class Attention(nn.Module):
    """Every place looks at itself and at what stands before it."""

    def __init__(self, width: int, heads: int, context: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.register_buffer("later", torch.full((context, context), -1e4).triu(1), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, t, width] to the same."""
        n, t, width = x.shape
        shape = (n, t, self.heads, width // self.heads)
        query, key, value = (part(x).view(shape).transpose(1, 2) for part in (self.query, self.key, self.value))
        scores = query @ key.transpose(2, 3) * (width // self.heads) ** -0.5 + self.later
        mixed = scores.softmax(-1) @ value
        return self.out(mixed.transpose(1, 2).reshape(n, t, width))


class Block(nn.Module):
    """Attention and a network of two layers, each added to what comes in."""

    def __init__(self, width: int, heads: int, context: int) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, context)
        self.wide = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, t, width] to the same."""
        x = x + self.attention(self.first(x))
        return x + self.narrow(torch.relu(self.wide(self.second(x))))


class Reader(nn.Module):
    """Tokens int64 [n, context] to scores [n, context, vocabulary]."""

    def __init__(self, vocabulary: int, context: int, width: int, heads: int, blocks: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.places = nn.Parameter(0.02 * torch.randn(context, width))
        self.blocks = nn.Sequential(*(Block(width, heads, context) for _ in range(blocks)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """[n, t] to [n, t, vocabulary]."""
        return self.head(self.norm(self.blocks(self.tokens(tokens) + self.places)))


def build(vocabulary: int = 31, context: int = 48, width: int = 32, heads: int = 2, blocks: int = 2) -> nn.Module:
    """The untrained network."""
    return Reader(vocabulary, context, width, heads, blocks)
