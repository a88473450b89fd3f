"""The edit of pruning that tells an attention how many heads it still has; `keep_channels` cuts its projections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgebuild.errors import ConfigError
from edgebuild.model.edits import EDITS

if TYPE_CHECKING:
    import torch


def keep_heads(
    layer: str, kept: Sequence[int], of: int, attributes: Mapping[str, int], projections: Sequence[str], output: str
) -> dict[str, Any]:
    """The edit as JSON.

    Args:
        layer: dotted name of the module whose code knows the number of heads.
        kept: which of its heads, ascending; for readers.
        of: how many it had.
        attributes: the module's own counts afterwards: `num_heads`, …
        projections: the layers that make queries, keys and values; for readers.
        output: the layer that reads what the heads found; for readers.
    """
    return {
        "edit": "keep_heads",
        "layer": layer,
        "kept": [int(head) for head in kept],
        "of": of,
        "attributes": dict(sorted(attributes.items())),
        "projections": list(projections),
        "output": output,
    }


@EDITS.register("keep_heads")
def apply_keep_heads(model: torch.nn.Module, edit: Mapping[str, Any]) -> None:
    """Set the attributes.

    Raises:
        ConfigError: the model has no such layer or attribute, or it has another number of heads.
    """
    name = str(edit["layer"])
    try:
        layer = model.get_submodule(name)
    except AttributeError:
        raise _misfit(name, "there is no such layer") from None
    for attribute, value in edit["attributes"].items():
        found = getattr(layer, attribute, None)
        if not isinstance(found, int) or found * len(edit["kept"]) != value * edit["of"]:
            raise _misfit(name, f"its {attribute} is {found!r}")
        setattr(layer, attribute, value)


def _misfit(layer: str, found: str) -> ConfigError:
    msg = f"keep_heads does not fit layer {layer!r}: {found}"
    return ConfigError(msg, remedy="the edits belong to another version of the model's factory")
