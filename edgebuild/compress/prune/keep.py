"""The table `keep:`: how much of a model may remain after pruning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from edgebuild.config.parameters import Parameters
from edgebuild.config.quantity import BYTES, Bytes
from edgebuild.config.wording import BadValueError

if TYPE_CHECKING:
    from edgebuild.compress.prune.cost import Cost

Quantity = Literal["macs", "parameters", "bytes"]
Stored = Literal["float32", "float16", "int8"]

_ITEM_BYTES: dict[Stored, int] = {"float32": 4, "float16": 2, "int8": 1}
_KEYS = ("macs", "parameters", "bytes", "size")


class Keep(Parameters):
    """How much of the model may remain: one of the four."""

    macs: float | None = Field(default=None, gt=0, lt=1, description="largest share of the MACs that remains")
    parameters: float | None = Field(
        default=None, gt=0, lt=1, description="largest share of the parameters that remains"
    )
    bytes: float | None = Field(
        default=None, gt=0, lt=1, description="largest share of the parameters' bytes that remains, stored as `stored`"
    )
    size: Bytes | None = Field(default=None, description="most bytes that the parameters may take, stored as `stored`")
    stored: Stored | None = Field(
        default=None,
        description="of bytes and size: the type in which the exported file will hold the weights of convolutions, "
        "linear layers and embeddings; every other parameter takes four bytes; default: float32",
    )

    @model_validator(mode="after")
    def _one(self) -> Keep:
        given = [key for key in _KEYS if getattr(self, key) is not None]
        if len(given) != 1:
            found = {0: "neither", 2: "both"}.get(len(given), ", ".join(given))
            msg = f"expected macs, parameters, bytes or size, found {found}"
            raise BadValueError(msg)
        if self.stored is not None and given[0] not in ("bytes", "size"):
            msg = f"belongs to bytes or size, found {given[0]}"
            raise BadValueError(msg, key="stored")
        if self.size == 0:
            msg = "expected more than 0 bytes"
            raise BadValueError(msg, key="size")
        return self

    @property
    def quantity(self) -> Quantity:
        """What is bounded."""
        if self.macs is not None:
            return "macs"
        return "parameters" if self.parameters is not None else "bytes"

    @property
    def key(self) -> str:
        """The key that was given: `macs`, `parameters`, `bytes` or `size`."""
        return next(key for key in _KEYS if getattr(self, key) is not None)

    @property
    def item_bytes(self) -> int:
        """Bytes of a number in a weight of the exported file."""
        return _ITEM_BYTES[self.stored or "float32"]

    def limit(self, before: Cost) -> float:
        """The share of the quantity that may remain; `before` is the whole model."""
        if self.size is not None:
            return self.size / before.bytes
        share = getattr(self, self.key)
        assert isinstance(share, float)
        return share

    def shown(self) -> str:
        """The bound as the user wrote it: `0.5`, `120 KiB`."""
        return BYTES.show(self.size) if self.size is not None else f"{getattr(self, self.key):g}"
