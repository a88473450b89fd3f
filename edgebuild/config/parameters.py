"""The typed parameter table of an extension: one class feeds YAML validation, docs and the search space."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Parameters(BaseModel):
    """Base of every table of parameters: unknown keys are errors, values are immutable once read.

    Bounds go into `pydantic.Field(ge=…, lt=…, description=…)`; the description is one line of the docs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
