"""The table `sensitivity:` of pruning."""

from __future__ import annotations

from pydantic import Field, field_validator

from edgebuild.config.parameters import Parameters
from edgebuild.config.wording import BadValueError

_RATIOS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


class Sensitivity(Parameters):
    """Measuring, before the first cut and without training, what every layer alone loses."""

    ratios: tuple[float, ...] = Field(
        default=_RATIOS, min_length=1, description="shares of a layer's channels that are cut, rising"
    )
    samples: int = Field(
        default=512, ge=1, description="validation samples, drawn by the seed; all where there are fewer"
    )

    @field_validator("ratios")
    @classmethod
    def _rise(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(not 0 < ratio < 1 for ratio in value) or sorted(set(value)) != list(value):
            msg = f"expected rising shares in (0, 1), found {', '.join(f'{ratio:g}' for ratio in value)}"
            raise BadValueError(msg)
        return value
