"""The table `sparsify:` of pruning."""

from __future__ import annotations

from pydantic import Field, field_validator

from edgebuild.compress.finetune import FineTune
from edgebuild.compress.prune.sparsify.penalties import SPARSIFIERS
from edgebuild.config.wording import BadValueError, unknown_name


class Sparsify(FineTune):
    """Training before the first cut, with a penalty; what is not given is as in the project's `train:`."""

    kind: str = Field(default="group_lasso", description=f"what is penalised: {', '.join(SPARSIFIERS.names())}")
    weight: float = Field(default=1e-4, gt=0, description="factor of the penalty, which is added to the loss")
    epochs: int = Field(default=3, ge=1, description="passes over the training split")

    @field_validator("kind")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in SPARSIFIERS:
            raise BadValueError(unknown_name("kind of sparsify", value, SPARSIFIERS.names()))
        return value
