"""The edit of pruning: of some dimensions of a layer's tensors only the named indices are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgebuild.errors import ConfigError
from edgebuild.model.edits import EDITS

if TYPE_CHECKING:
    import torch


def keep_channels(
    layer: str, tensors: Mapping[str, Mapping[int, Sequence[int]]], attributes: Mapping[str, int | list[int]]
) -> dict[str, Any]:
    """The edit as JSON.

    Args:
        layer: dotted name of the module.
        tensors: name of a parameter or buffer in the layer -> dimension -> kept indices, ascending.
        attributes: the layer's own counts afterwards: `out_channels`, `in_channels`, `groups`, `num_features`, …;
            a shape (`normalized_shape`) is a list.
    """
    kept = [
        {"tensor": name, "dim": dim, "keep": [int(index) for index in indices]}
        for name, dims in sorted(tensors.items())
        for dim, indices in sorted(dims.items())
    ]
    return {"edit": "keep_channels", "layer": layer, "tensors": kept, "attributes": dict(sorted(attributes.items()))}


@EDITS.register("keep_channels")
def apply_keep_channels(model: torch.nn.Module, edit: Mapping[str, Any]) -> None:
    """Shrink the layer's parameters and buffers, and set its attributes.

    Raises:
        ConfigError: the model has no such layer, tensor, attribute or index.
    """
    import torch

    name = str(edit["layer"])
    try:
        layer = model.get_submodule(name)
    except AttributeError:
        raise _misfit(name, "there is no such layer") from None
    for item in edit["tensors"]:
        tensor = getattr(layer, item["tensor"], None)
        if not isinstance(tensor, torch.Tensor):
            raise _misfit(name, f"it has no tensor {item['tensor']!r}")
        dim, keep = int(item["dim"]), item["keep"]
        if dim >= tensor.ndim or not keep or max(keep) >= tensor.shape[dim]:
            raise _misfit(name, f"{item['tensor']} has shape {tuple(tensor.shape)}")
        _replace(layer, item["tensor"], tensor.detach().index_select(dim, torch.tensor(keep)).contiguous())
    for attribute, value in edit["attributes"].items():
        if not hasattr(layer, attribute):
            raise _misfit(name, f"a {type(layer).__name__} has no attribute {attribute!r}")
        setattr(layer, attribute, tuple(value) if isinstance(value, list) else value)


def _replace(layer: torch.nn.Module, name: str, value: torch.Tensor) -> None:
    import torch

    old = getattr(layer, name)
    if isinstance(old, torch.nn.Parameter):
        setattr(layer, name, torch.nn.Parameter(value, requires_grad=old.requires_grad))
    else:
        setattr(layer, name, value)


def _misfit(layer: str, found: str) -> ConfigError:
    msg = f"keep_channels does not fit layer {layer!r}: {found}"
    return ConfigError(msg, remedy="the edits belong to another version of the model's factory")
