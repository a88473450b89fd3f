"""The edit of factorization: a layer is replaced by smaller ones in a row, under the same name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgebuild.errors import ConfigError
from edgebuild.model.edits import EDITS

if TYPE_CHECKING:
    import torch

_TYPES = ("Linear", "Conv1d", "Conv2d")
_CHANNELS = {"Linear": ("in_features", "out_features")}
_CHANNELS_OF_CONVOLUTION = ("in_channels", "out_channels")


def factorize_edit(
    layer: str, method: str, ranks: Sequence[int], factors: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The edit as JSON.

    Args:
        layer: dotted name of the module; its factors become `layer.0`, `layer.1`, …
        method: how the weight was factorized, for readers.
        ranks: of the factorization, for readers.
        factors: one table per new layer: `type` (`Linear`, `Conv1d`, `Conv2d`) and the arguments of that class.
    """
    return {
        "edit": "factorize",
        "layer": layer,
        "method": method,
        "ranks": [int(rank) for rank in ranks],
        "factors": [dict(factor) for factor in factors],
    }


@EDITS.register("factorize")
def apply_factorize(model: torch.nn.Module, edit: Mapping[str, Any]) -> None:
    """Put an `nn.Sequential` of the factors in the place of the layer, under every name that it has.

    The factors have fresh weights: those of the model folder are loaded afterwards.

    Raises:
        ConfigError: the model has no such layer, or one of another type or other channels.
    """
    from torch import nn

    name, factors = str(edit["layer"]), edit["factors"]
    try:
        layer = model.get_submodule(name)
    except AttributeError:
        raise _misfit(name, "there is no such layer") from None
    kind = str(factors[0]["type"])
    if kind not in _TYPES or not isinstance(layer, getattr(nn, kind)):
        raise _misfit(name, f"it is a {type(layer).__name__}, not a {kind}")
    first, last = _CHANNELS.get(kind, _CHANNELS_OF_CONVOLUTION)
    found = (getattr(layer, first), getattr(layer, last))
    if found != (factors[0][first], factors[-1][last]):
        raise _misfit(name, f"it has {found[0]} input and {found[1]} output channels")
    weight: torch.Tensor = layer.weight
    new = nn.Sequential(*(new_factor(factor) for factor in factors)).to(weight)
    new.requires_grad_(weight.requires_grad)
    replace_module(model, layer, new.train(layer.training))


def new_factor(factor: Mapping[str, Any]) -> torch.nn.Module:
    """The layer that one table of the edit describes."""
    from torch import nn

    arguments = {
        key: tuple(value) if isinstance(value, list) else value for key, value in factor.items() if key != "type"
    }
    module: nn.Module = getattr(nn, str(factor["type"]))(**arguments)
    return module


def replace_module(model: torch.nn.Module, old: torch.nn.Module, new: torch.nn.Module) -> None:
    """Put `new` in the place of `old`, under every name that it has.

    The fast path of torch's own transformer encoders reads the weights of the layers inside instead of calling them:
    it is switched off around the new one.
    """
    from torch import nn

    places = [name for name, module in model.named_modules(remove_duplicate=False) if module is old]
    for name in places:
        *way, attribute = name.split(".")
        parent = model
        for step in [None, *way]:
            parent = parent if step is None else parent.get_submodule(step)
            if isinstance(parent, nn.TransformerEncoderLayer):
                parent.activation_relu_or_gelu = 0
            if isinstance(parent, nn.TransformerEncoder):
                parent.use_nested_tensor = False
        setattr(parent, attribute, new)


def _misfit(layer: str, found: str) -> ConfigError:
    msg = f"factorize does not fit layer {layer!r}: {found}"
    return ConfigError(msg, remedy="the edits belong to another version of the model's factory")
