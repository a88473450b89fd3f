"""Where the parameters of a model lie: in the memory of the Edge TPU, or streamed to it in each inference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgebuild.estimate.edge_tpu.layer import TpuLayer

MIB = 2**20
USABLE = (int(6.5 * MIB), int(7.9 * MIB))
"""Bytes for parameters that compiled models were seen to have, of 8 MB; the rest holds activations and instructions."""
_EMPTY = int(7.75 * MIB)
"""What models with almost no activations have: the sweep of fully connected layers keeps 7.58 MiB and streams 7.91."""
_ACTIVATIONS = int(0.55 * MIB)
"""What activations take of that at most: compilers' logs of image models state 6.9 to 7.5 MiB for parameters."""


@dataclass(frozen=True)
class CachePlan:
    """Which layers' parameters stay on the chip.

    Attributes:
        usable: bytes for parameters.
        on_chip: bytes that stay there between two inferences.
        streamed: bytes that go over the link in each inference.
        streamed_layers: whose they are.
    """

    usable: int
    on_chip: int
    streamed: int
    streamed_layers: tuple[TpuLayer, ...]


def usable_bytes(layers: Sequence[TpuLayer]) -> int:
    """Bytes that are left for parameters beside the activations of these layers."""
    largest = max((layer.input_bytes + layer.output_bytes for layer in layers), default=0)
    return _EMPTY - min(largest, _ACTIVATIONS)


def plan_cache(layers: Sequence[TpuLayer], usable: int) -> CachePlan:
    """Keep whole layers, in the model's order, as long as they fit; one that does not is streamed, smaller ones go on.

    This reproduces every row of the sweeps that `benchmarks/edgetpu_model.py` reads.
    """
    on_chip, streamed = 0, []
    for layer in layers:
        if on_chip + layer.parameter_bytes <= usable:
            on_chip += layer.parameter_bytes
        else:
            streamed.append(layer)
    return CachePlan(usable, on_chip, sum(layer.parameter_bytes for layer in streamed), tuple(streamed))
