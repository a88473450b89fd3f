"""Structural edits of a model, as JSON that is replayed on the user's fresh factory: one kind of edit a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from edgebuild.registry import Registry

if TYPE_CHECKING:
    import torch

Edit = Callable[["torch.nn.Module", Mapping[str, Any]], None]
"""(whole model, the edit's JSON) -> changes the model in place.

Raises a ConfigError where the model is not the one that the edit was made for.
"""

EDITS: Registry[Edit] = Registry("edit", "edgebuild.model.edits")


def replay(model: torch.nn.Module, edits: Iterable[Mapping[str, Any]]) -> None:
    """Apply the edits to `model` in their order.

    Raises:
        ConfigError: an edit of an unknown kind, or one that does not fit the model.
    """
    for edit in edits:
        EDITS.get(str(edit["edit"]))(model, edit)
