"""The edit that computes a hand-written attention by code that takes any number of heads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from edgebuild.errors import ConfigError
from edgebuild.model.edits import EDITS
from edgebuild.model.edits.factorize import replace_module
from edgebuild.model.self_attention import Form, adopted

if TYPE_CHECKING:
    import torch


def adopt_attention(layer: str, form: Form) -> dict[str, Any]:
    """The edit as JSON: the module `layer` keeps its layers, and attends as `form` says."""
    return {"edit": "adopt_attention", "layer": layer, "form": form.to_json()}


@EDITS.register("adopt_attention")
def apply_adopt_attention(model: torch.nn.Module, edit: Mapping[str, Any]) -> None:
    """Put an attention with the same layers in the place of the module.

    Raises:
        ConfigError: the model has no such module, or it has not the layers that the edit names.
    """
    name, form = str(edit["layer"]), Form.from_json(edit["form"])
    try:
        module = model.get_submodule(name)
        for inside in (*form.projections, form.output):
            module.get_submodule(inside)
    except AttributeError as error:
        msg = f"adopt_attention does not fit layer {name!r}: {error}"
        raise ConfigError(msg, remedy="the edits belong to another version of the model's factory") from None
    replace_module(model, module, adopted(module, form))
