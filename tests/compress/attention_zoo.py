"""Attention written in the ways that are common, and in some that cannot be cut; this file is the user's model.py.

Every network takes images [n, 1, 8, 8], whose rows are a sequence, and gives scores [n, 3].
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDTH, HEADS = 16, 4


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """[n, heads, length, size] each -> [n, length, channels]."""
    weights = torch.softmax(q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5, -1)
    return (weights @ v).transpose(1, 2).flatten(2)


class Separate(nn.Module):
    """Three layers, the number of heads in the reshape, and the width of all of them in an attribute (BERT)."""

    def __init__(self) -> None:
        super().__init__()
        self.num_attention_heads, self.attention_head_size, self.all_head_size = HEADS, WIDTH // HEADS, WIDTH
        self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.dense = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        shape = (*x.shape[:2], self.num_attention_heads, self.attention_head_size)
        q, k, v = (layer(x).view(shape).transpose(1, 2) for layer in (self.query, self.key, self.value))
        return self.dense(attend(q, k, v).reshape(*x.shape[:2], self.all_head_size))


class Fused(nn.Module):
    """One layer, all queries before all keys (vision transformers); heads together wider than the input."""

    def __init__(self) -> None:
        super().__init__()
        self.num_heads, self.head_dim = HEADS, 8
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * HEADS * 8), nn.Linear(HEADS * 8, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        n, length = x.shape[:2]
        q, k, v = self.qkv(x).reshape(n, length, 3, self.num_heads, self.head_dim).permute(2, 0, 3, 1, 4).unbind(0)
        return self.proj(attend(q, k, v))


class HeadsFirst(nn.Module):
    """One layer, query, key and value of one head side by side; the output layer has no bias."""

    def __init__(self) -> None:
        super().__init__()
        self.heads, self.dim_head = HEADS, WIDTH // HEADS
        self.to_qkv, self.to_out = nn.Linear(WIDTH, 3 * WIDTH, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        n, length = x.shape[:2]
        q, k, v = self.to_qkv(x).view(n, length, self.heads, 3, self.dim_head).permute(3, 0, 2, 1, 4).unbind(0)
        return self.to_out(attend(q, k, v))


class KeysWithValues(nn.Module):
    """One layer for queries, one for keys and values; the reshape finds out the number of heads by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.head_dim = WIDTH // HEADS
        self.q, self.kv, self.o = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        n, length = x.shape[:2]
        q = self.q(x).reshape(n, length, -1, self.head_dim).transpose(1, 2)
        k, v = self.kv(x).reshape(n, length, 2, -1, self.head_dim).permute(2, 0, 3, 1, 4).unbind(0)
        return self.o(attend(q, k, v))


class Torch(nn.Module):
    """torch's own, in the middle of a network."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x, need_weights=False)[0]


class Divided(nn.Module):
    """The width of a head is that of the input divided by their number: fewer heads would be wider."""

    def __init__(self) -> None:
        super().__init__()
        self.n_head = HEADS
        self.qkv, self.project = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        n, length, width = x.shape
        q, k, v = self.qkv(x).reshape(n, length, 3, self.n_head, width // self.n_head).permute(2, 0, 3, 1, 4).unbind(0)
        return self.project(attend(q, k, v))


class Causal(nn.Module):
    """As language models have it: no position sees a later one, with dropouts, and a mask that is stored."""

    def __init__(self) -> None:
        super().__init__()
        self.n_head, self.n_embd = HEADS, WIDTH
        self.c_attn, self.c_proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.attn_dropout, self.resid_dropout = nn.Dropout(0.1), nn.Dropout(0.2)
        self.register_buffer("mask", torch.tril(torch.ones(8, 8)))

    def forward(self, x: Tensor) -> Tensor:
        n, length, width = x.shape
        split = (n, length, self.n_head, width // self.n_head)
        q, k, v = (part.view(split).transpose(1, 2) for part in self.c_attn(x).split(self.n_embd, 2))
        scores = q @ k.transpose(-2, -1) * k.shape[-1] ** -0.5
        weights = torch.softmax(scores.masked_fill(self.mask[:length, :length] == 0, float("-inf")), -1)
        mixed = (self.attn_dropout(weights) @ v).transpose(1, 2).contiguous().view(n, length, width)
        return self.resid_dropout(self.c_proj(mixed))


class Biased(nn.Module):
    """As `Divided`, with something learned added to the scores."""

    def __init__(self) -> None:
        super().__init__()
        self.n_head = HEADS
        self.qkv, self.project = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.bias = nn.Parameter(torch.randn(8, 8))

    def forward(self, x: Tensor) -> Tensor:
        n, length, width = x.shape
        q, k, v = self.qkv(x).reshape(n, length, 3, self.n_head, width // self.n_head).permute(2, 0, 3, 1, 4).unbind(0)
        weights = torch.softmax(q @ k.transpose(-2, -1) + self.bias, -1)
        return self.project((weights @ v).transpose(1, 2).reshape(n, length, width))


class Grouped(nn.Module):
    """Two heads share a key and a value."""

    def __init__(self) -> None:
        super().__init__()
        self.num_heads, self.num_kv_heads = HEADS, HEADS // 2
        self.q, self.k, self.v = (nn.Linear(WIDTH, WIDTH // part) for part in (1, 2, 2))
        self.o = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        split = ((self.q, self.num_heads), (self.k, self.num_kv_heads), (self.v, self.num_kv_heads))
        q, k, v = (layer(x).unflatten(-1, (heads, -1)).transpose(1, 2) for layer, heads in split)
        return self.o(attend(q, k.repeat_interleave(2, 1), v.repeat_interleave(2, 1)))


class Talking(nn.Module):
    """Heads are mixed before they attend."""

    def __init__(self) -> None:
        super().__init__()
        self.num_heads, self.head_dim = HEADS, WIDTH // HEADS
        self.q, self.k, self.v, self.o = (nn.Linear(WIDTH, WIDTH) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        shape = (*x.shape[:2], self.num_heads, self.head_dim)
        q, k, v = (layer(x).view(shape).transpose(1, 2) for layer in (self.q, self.k, self.v))
        return self.o(attend(q + q.mean(1, keepdim=True), k, v))


class KeysOfItsOwn(nn.Module):
    """torch's own, with keys and values that no layer makes."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True, add_bias_kv=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x)[0]


class Network(nn.Module):
    """Rows -> embedding -> attention and hidden units, each added to what goes in -> scores."""

    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.embed = nn.Linear(8, WIDTH)
        self.position = nn.Parameter(0.1 * torch.randn(1, 8, WIDTH))
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.mix = attention
        self.up, self.down = nn.Linear(WIDTH, 32), nn.Linear(32, WIDTH)
        self.head = nn.Linear(WIDTH, 3)

    def forward(self, image: Tensor) -> Tensor:
        x = self.embed(image.squeeze(1)) + self.position
        x = x + self.mix(self.norm1(x))
        x = x + self.down(torch.relu(self.up(self.norm2(x))))
        return self.head(x.mean(1))


KINDS = {
    "separate": Separate,
    "fused": Fused,
    "heads_first": HeadsFirst,
    "keys_with_values": KeysWithValues,
    "torch": Torch,
    "divided": Divided,
    "causal": Causal,
    "biased": Biased,
    "grouped": Grouped,
    "talking": Talking,
    "keys_of_its_own": KeysOfItsOwn,
}


def build(network: str) -> nn.Module:
    """The factory."""
    return Network(KINDS[network]())
