"""The table `grid:` of every training in a plan."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from edgebuild.config.parameters import Parameters


class Grid(Parameters):
    """A loss besides the task's: how far the weights of convolutions and linear layers are from their steps."""

    bits: int = Field(default=8, ge=2, le=8, description="of the weights later")
    weight: float = Field(
        default=1.0,
        gt=0,
        description="factor of the mean squared distance, in steps, in the loss; it grows to this over a training",
    )
    granularity: Literal["per_channel", "per_tensor"] = Field(
        default="per_channel",
        description="of convolutions; steps per channel stay the same when a batch norm is folded, per tensor they do "
        "not",
    )
    fully_connected: Literal["per_tensor", "per_channel"] = Field(
        default="per_tensor", description="of linear layers, as the step that quantizes takes them"
    )
