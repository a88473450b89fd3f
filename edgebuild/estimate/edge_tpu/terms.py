"""What the time of an inference is a sum of: amounts that follow from the layers, each x a fitted time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgebuild.estimate.edge_tpu.layer import TpuLayer
from edgebuild.estimate.edge_tpu.memory import CachePlan

TERMS = ("inference", "array_steps", "link_bytes", "output_bytes", "cached_bytes", "repeated_bytes")
"""Names of the amounts, in the order of `Amounts.values`; the fitted times have the same names."""
PIECE_MB = 1.5
"""Activations of a layer that are computed in one piece. Rows left out of the fit err least with it, but anything up to
2.5 does almost as well: the sweeps have no streamed layer of small activations."""


@dataclass(frozen=True)
class Amounts:
    """The amounts of one inference.

    Attributes:
        array_steps: of the 64 x 64 array.
        link_bytes: input and streamed parameters.
        output_bytes: what comes back.
        cached_bytes: parameters that lie on the chip.
        repeated_bytes: streamed parameters x MB of their layer's activations beyond PIECE_MB: a layer whose activations
            do not fit is computed piece by piece, and its parameters are sent for each piece.
        unseen_steps: those of the array steps that no sweep has: of depthwise convolutions.
    """

    array_steps: float
    link_bytes: float
    output_bytes: float
    cached_bytes: float
    repeated_bytes: float
    unseen_steps: float = 0.0

    @property
    def values(self) -> tuple[float, ...]:
        """The amounts in the order of TERMS; the first is the inference itself."""
        return (1.0, self.array_steps, self.link_bytes, self.output_bytes, self.cached_bytes, self.repeated_bytes)


def amounts_of(layers: Sequence[TpuLayer], plan: CachePlan, input_bytes: int, output_bytes: int) -> Amounts:
    """The amounts of one inference of `layers`, whose parameters lie as `plan` says."""
    return Amounts(
        array_steps=sum(layer.array_steps for layer in layers),
        link_bytes=input_bytes + plan.streamed,
        output_bytes=output_bytes,
        cached_bytes=plan.on_chip,
        repeated_bytes=sum(layer.parameter_bytes * _beyond_a_piece(layer) for layer in plan.streamed_layers),
        unseen_steps=sum(layer.array_steps for layer in layers if layer.kind == "depthwise"),
    )


def _beyond_a_piece(layer: TpuLayer) -> float:
    return max((layer.input_bytes + layer.output_bytes) / 1e6 - PIECE_MB, 0.0)
