"""What a step reads besides the model before it and the data: other models of the build, the user's code and files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import BaseModel

NeededModel = Literal["baseline"]
"""A model of the build that every target has."""


@dataclass(frozen=True)
class Needs:
    """What the result of a step depends on.

    Attributes:
        models: names of models of the build; their folders are in `StepContext.models`.
        code: `module:function` of the user.
        files: paths relative to the project folder.
    """

    models: tuple[NeededModel, ...] = ()
    code: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


@runtime_checkable
class NeedsMore(Protocol):
    """A table of parameters that asks for more than the model before; it may stand anywhere in a step's parameters."""

    def needs(self) -> Needs:
        """What these parameters ask for."""
        ...


def needs_of(parameters: Any) -> Needs:
    """What a table of parameters and all tables in it need together, in the order of declaration."""
    found: list[Needs] = []
    _collect(parameters, found)
    return Needs(
        models=tuple(dict.fromkeys(name for needs in found for name in needs.models)),
        code=tuple(dict.fromkeys(name for needs in found for name in needs.code)),
        files=tuple(dict.fromkeys(name for needs in found for name in needs.files)),
    )


def _collect(value: Any, found: list[Needs]) -> None:
    if isinstance(value, NeedsMore):
        found.append(value.needs())
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            _collect(getattr(value, name), found)
    elif isinstance(value, (tuple, list)):
        for item in value:
            _collect(item, found)
