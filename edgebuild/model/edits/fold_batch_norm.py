"""The edit of quantization-aware training: a batch norm that was folded into the layer before it is gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from edgebuild.errors import ConfigError
from edgebuild.model.edits import EDITS

if TYPE_CHECKING:
    import torch


def fold_batch_norm(layer: str, norm: str, channels: int) -> dict[str, Any]:
    """The edit as JSON: `norm` is gone, and `layer`, of `channels` output channels, has a bias."""
    return {"edit": "fold_batch_norm", "layer": layer, "norm": norm, "channels": channels}


@EDITS.register("fold_batch_norm")
def apply_fold_batch_norm(model: torch.nn.Module, edit: Mapping[str, Any]) -> None:
    """Put an identity in the place of the norm, and give the layer a bias of zeros where it has none.

    The values that the folded weight and bias have are in the weights that belong to the edit.

    Raises:
        ConfigError: the model has no such layer or norm.
    """
    import torch

    layer, norm = str(edit["layer"]), str(edit["norm"])
    for name in (layer, norm):
        try:
            model.get_submodule(name)
        except AttributeError:
            msg = f"fold_batch_norm does not fit the model: it has no layer {name!r}"
            raise ConfigError(msg, remedy="the edits belong to another version of the model's factory") from None
    before = model.get_submodule(layer)
    if before.bias is None:
        before.bias = torch.nn.Parameter(torch.zeros(int(edit["channels"])))
    parent, _, attribute = norm.rpartition(".")
    setattr(model.get_submodule(parent), attribute, torch.nn.Identity())
