"""The edit that makes the projections of an `nn.MultiheadAttention` linear layers of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from edgebuild.errors import ConfigError
from edgebuild.model.attention import opened, why_not_opened
from edgebuild.model.edits import EDITS
from edgebuild.model.edits.factorize import replace_module

if TYPE_CHECKING:
    import torch


def open_attention(layer: str) -> dict[str, Any]:
    """The edit as JSON: the attention `layer` becomes one with `q_proj`, `k_proj`, `v_proj` and `out_proj`."""
    return {"edit": "open_attention", "layer": layer}


@EDITS.register("open_attention")
def apply_open_attention(model: torch.nn.Module, edit: Mapping[str, Any]) -> None:
    """Put an attention that computes the same, with the same weights, in the place of torch's.

    Raises:
        ConfigError: the model has no such layer, or it is no `nn.MultiheadAttention` that can be opened.
    """
    from torch import nn

    name = str(edit["layer"])
    try:
        layer = model.get_submodule(name)
    except AttributeError:
        raise _misfit(name, "there is no such layer") from None
    if not isinstance(layer, nn.MultiheadAttention):
        raise _misfit(name, f"it is a {type(layer).__name__}, not a MultiheadAttention")
    reason = why_not_opened(layer)
    if reason is not None:
        raise _misfit(name, reason)
    replace_module(model, layer, opened(layer))


def _misfit(layer: str, found: str) -> ConfigError:
    msg = f"open_attention does not fit layer {layer!r}: {found}"
    return ConfigError(msg, remedy="the edits belong to another version of the model's factory")
