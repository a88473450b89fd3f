"""Multi-head attention with any number of heads, its projections as linear layers that are called."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

PROJECTIONS = ("q_proj", "k_proj", "v_proj")
"""Names of the layers that make queries, keys and values."""
OUTPUT = "out_proj"
"""Name of the layer that reads what the heads found."""


def why_not_opened(module: torch.nn.Module) -> str | None:
    """Why an `nn.MultiheadAttention` cannot be computed by `Attention`; None where it can."""
    from torch import nn
    from torch.nn.utils import parametrize

    name = type(module).__name__
    if type(module).forward is not nn.MultiheadAttention.forward:
        return f"{name} has a forward of its own"
    assert isinstance(module, nn.MultiheadAttention)
    if module.bias_k is not None or module.add_zero_attn:
        return "it adds keys and values of its own (add_bias_kv or add_zero_attn)"
    if any(parametrize.is_parametrized(part) for part in module.modules()):
        return "its weights are computed, not stored"
    return None


def is_attention(module: torch.nn.Module) -> bool:
    """Whether it is one that `opened` made."""
    return isinstance(module, _attention_class())


def opened(module: torch.nn.MultiheadAttention) -> torch.nn.Module:
    """An `Attention` with the weights of `module`, which computes the same; see `why_not_opened`."""
    new: torch.nn.Module = _attention_class()(module)
    return new


@functools.cache
def _attention_class() -> Any:
    """The class, which torch is needed to define."""
    import torch
    from torch import nn

    class Attention(nn.Module):
        """What `nn.MultiheadAttention` computes (Vaswani et al., Attention Is All You Need, NIPS 2017, section 3.2.2).

        That one demands that the heads together are as wide as the inputs. Here `num_heads` heads of `head_dim`
        channels may be any number, and every projection is an `nn.Linear` that is called: other code sees it like
        any other linear layer. Matrix products and softmax are written out, since runtimes fuse nothing more. Scores
        are scaled, not queries: converters would multiply that into the weight of the queries.
        """

        in_proj_bias = None  # torch's encoder layers look at these two before they take their fast path
        _qkv_same_embed_dim = False

        def __init__(self, origin: nn.MultiheadAttention) -> None:
            super().__init__()
            self.embed_dim, self.num_heads = origin.embed_dim, origin.num_heads
            self.head_dim, self.dropout, self.batch_first = origin.head_dim, origin.dropout, origin.batch_first
            self.q_proj, self.k_proj, self.v_proj = _projections(origin)
            self.out_proj = _linear(origin.out_proj.weight, origin.out_proj.bias)
            self.train(origin.training)

        def forward(
            self,
            query: torch.Tensor,
            key: torch.Tensor,
            value: torch.Tensor,
            key_padding_mask: torch.Tensor | None = None,
            need_weights: bool = True,
            attn_mask: torch.Tensor | None = None,
            average_attn_weights: bool = True,
            is_causal: bool = False,
        ) -> tuple[torch.Tensor, torch.Tensor | None]:
            """As of `nn.MultiheadAttention`; `is_causal` only says of a mask what it is."""
            batched = query.dim() == 3
            if not batched:
                query, key, value = (x.unsqueeze(0) for x in (query, key, value))
            elif not self.batch_first:
                query, key, value = (x.transpose(0, 1) for x in (query, key, value))
            made = (self.q_proj(query), self.k_proj(key), self.v_proj(value))
            q, k, v = (x.unflatten(-1, (self.num_heads, self.head_dim)).transpose(1, 2) for x in made)
            scores = q @ k.transpose(-2, -1) * self.head_dim**-0.5
            for mask in _masks(key_padding_mask, attn_mask, self.num_heads):
                scores = scores.masked_fill(mask, float("-inf")) if mask.dtype == torch.bool else scores + mask
            weights = scores.softmax(-1)
            mixed = nn.functional.dropout(weights, self.dropout, self.training) @ v
            out = self.out_proj(mixed.transpose(1, 2).flatten(2))
            shown = (weights.mean(1) if average_attn_weights else weights) if need_weights else None
            if not batched:
                return out.squeeze(0), None if shown is None else shown.squeeze(0)
            return out if self.batch_first else out.transpose(0, 1), shown

    return Attention


def _projections(origin: torch.nn.MultiheadAttention) -> list[torch.nn.Linear]:
    """The layers that make queries, keys and values; their weights are one, or three where the inputs differ."""
    three = (origin.q_proj_weight, origin.k_proj_weight, origin.v_proj_weight)
    weights = origin.in_proj_weight.chunk(3) if origin._qkv_same_embed_dim else three
    biases = (None,) * 3 if origin.in_proj_bias is None else origin.in_proj_bias.chunk(3)
    return [_linear(weight, bias) for weight, bias in zip(weights, biases, strict=True)]


def _masks(padding: torch.Tensor | None, mask: torch.Tensor | None, heads: int) -> list[torch.Tensor]:
    """Masks that spread over [n, heads, queries, keys]."""
    found = [] if padding is None else [padding.reshape(-1, 1, 1, padding.shape[-1])]
    if mask is not None:
        found.append(mask if mask.dim() == 2 else mask.unflatten(0, (-1, heads)))
    return found


def _linear(weight: torch.Tensor, bias: torch.Tensor | None) -> torch.nn.Linear:
    from torch import nn

    layer = nn.Linear(weight.shape[1], weight.shape[0], bias is not None, device="meta")
    layer.weight = nn.Parameter(weight.detach().clone(), requires_grad=weight.requires_grad)
    if bias is not None:
        layer.bias = nn.Parameter(bias.detach().clone(), requires_grad=bias.requires_grad)
    return layer
