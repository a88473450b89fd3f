"""The table `mixed:` of the step `quantize`."""

from __future__ import annotations

from pydantic import Field, model_validator

from edgebuild.config.parameters import Parameters
from edgebuild.config.quantity import Bytes
from edgebuild.config.wording import BadValueError


class Mixed(Parameters):
    """How far the layers that are measured as sensitive may have the finer type; one of these."""

    accuracy_drop: float | None = Field(
        default=None,
        ge=0,
        description="as few as keep the drop of the metric within this, simulated on the validation data",
    )
    size: Bytes | None = Field(
        default=None, gt=0, description="as many as keep the weights of all layers together within this"
    )
    share: float | None = Field(
        default=None, ge=0, lt=1, description="as many as have at most this share of all layers' weights"
    )

    @model_validator(mode="after")
    def _one(self) -> Mixed:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            msg = f"expected one of accuracy_drop, size and share, found {' and '.join(given) or 'none'}"
            raise BadValueError(msg)
        return self
