"""The parameters of the plan step `factorize`."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from edgebuild.compress.finetune import FineTune
from edgebuild.config.parameters import Parameters
from edgebuild.config.wording import BadValueError

_VBMF = "vbmf"


class Rank(Parameters):
    """How much of a layer its factors keep: one of these, or the word `vbmf` alone."""

    short_form: ClassVar[str] = "vbmf or "

    energy: float | None = Field(
        default=None, gt=0, lt=1, description="share of every weight's squared norm that is kept at least"
    )
    macs: float | None = Field(default=None, gt=0, lt=1, description="largest share of the model's MACs that remains")
    parameters: float | None = Field(
        default=None, gt=0, lt=1, description="largest share of the model's parameters that remains"
    )
    ratio: float | None = Field(default=None, gt=0, lt=1, description="share of the full rank, in every layer")
    vbmf: bool = Field(
        default=False, description="as variational Bayes finds it in every layer; `rank: vbmf` says the same"
    )

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, value: Any) -> Any:
        return {_VBMF: True} if value == _VBMF else value

    @model_validator(mode="after")
    def _one(self) -> Rank:
        given = [name for name in type(self).model_fields if getattr(self, name)]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            msg = f"expected one of energy, macs, parameters, ratio and vbmf, found {found}"
            raise BadValueError(msg)
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"const": _VBMF}, handler(schema)]}

    @property
    def goal(self) -> Literal["macs", "parameters"] | None:
        """What the whole model may keep; None where every layer is looked at by itself."""
        if self.macs is not None:
            return "macs"
        return "parameters" if self.parameters is not None else None

    def __str__(self) -> str:
        if self.vbmf:
            return _VBMF
        name = next(name for name in type(self).model_fields if getattr(self, name))
        return f"{name} {getattr(self, name):g}"


class Factorize(Parameters):
    """Parameters of factorization."""

    kind: Literal["auto", "svd", "tucker2", "cp", "spatial_svd"] = Field(
        default="auto",
        description="svd: matrix products, and convolutions as k x k then 1x1; tucker2: 1x1, k x k, 1x1; "
        "cp: 1x1, k x 1 and 1 x k by channel, 1x1; spatial_svd: k x 1, 1 x k; auto: the best of all but cp",
    )
    rank: Rank = Field(default=Rank(energy=0.9), description="how much is kept: a mapping, or the word vbmf")
    round_to: int = Field(default=8, ge=1, description="ranks are multiples of this, as kernels like them")
    skip: tuple[str, ...] = Field(
        default=(), description="layers that stay whole, as patterns of names: `stem`, `body.*.conv1`"
    )
    finetune: FineTune = Field(default=FineTune(), description="training of the factorized model")

    @model_validator(mode="after")
    def _fits_together(self) -> Factorize:
        if self.kind == "cp" and self.rank.vbmf:
            msg = "vbmf finds ranks of matrices, not that of cp; expected energy, macs, parameters or ratio"
            raise BadValueError(msg, key="rank")
        return self
