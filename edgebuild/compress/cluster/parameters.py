"""The parameters of the plan step `cluster`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from edgebuild.compress.finetune import FineTune
from edgebuild.config.parameters import Parameters
from edgebuild.config.wording import BadValueError

_CLUSTERS = 16


class FineTuneCentroids(FineTune):
    """Training of the codebooks; what is not given is as in the project's `train:`."""

    epochs: int = Field(default=3, ge=0, description="passes over the training split; 0: no training")


class Cluster(Parameters):
    """Parameters of weight sharing."""

    clusters: int | None = Field(
        default=None,
        ge=2,
        le=128,
        description=f"values that a codebook has at most, zero among them; default: {_CLUSTERS}",
    )
    bits: int | None = Field(default=None, ge=1, le=7, description="the same as a power of two, instead of clusters")
    scope: Literal["per_layer", "per_channel"] = Field(
        default="per_layer",
        description="one codebook per weight tensor, or one per output channel of it; per_layer needs one scale per "
        "tensor where integers follow",
    )
    init: Literal["linear", "density", "kmeans++"] = Field(
        default="linear",
        description="where k-means starts: evenly between the extremes, at evenly spaced quantiles, or drawn by the "
        "seed with more chance far from what is drawn",
    )
    keep_zeros: bool = Field(
        default=True, description="weights at zero stay at zero, which takes one value of the codebook"
    )
    skip: tuple[str, ...] = Field(
        default=(), description="layers that keep their own weights, as patterns of names: `stem`, `body.*.conv1`"
    )
    finetune: FineTuneCentroids = Field(
        default=FineTuneCentroids(), description="training of the shared values; all other parameters learn too"
    )

    @model_validator(mode="after")
    def _says_the_size_once(self) -> Cluster:
        if self.clusters is not None and self.bits is not None:
            msg = f"clusters says it already: {self.clusters}; expected one of the two"
            raise BadValueError(msg, key="bits")
        return self

    def size(self) -> int:
        """Values of a codebook, at most."""
        if self.bits is not None:
            return int(2**self.bits)
        return _CLUSTERS if self.clusters is None else self.clusters
