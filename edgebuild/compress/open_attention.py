"""Opening attention before a step: torch's own reads its weights without calling layers, so no method sees them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from edgebuild.model.attention import why_not_opened
from edgebuild.model.edits import replay
from edgebuild.model.edits.open_attention import open_attention

if TYPE_CHECKING:
    import torch


def open_attentions(model: torch.nn.Module) -> list[dict[str, Any]]:
    """Open every `nn.MultiheadAttention` of `model` that can be, in place; the edits that do it again."""
    edits = [open_attention(name) for name, reason in closed_attentions(model).items() if reason is None]
    replay(model, edits)
    return edits


def closed_attentions(model: torch.nn.Module) -> dict[str, str | None]:
    """Dotted name of every `nn.MultiheadAttention` -> why it cannot be opened; None where it can."""
    from torch import nn

    holders = Counter(id(parameter) for module in model.modules() for parameter in module.parameters(recurse=False))
    found: dict[str, str | None] = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.MultiheadAttention):
            shared = any(holders[id(parameter)] > 1 for parameter in module.parameters())
            found[name] = "it shares a weight with another layer" if shared else why_not_opened(module)
            if not name:
                found[name] = "it is the whole model"
    return found
