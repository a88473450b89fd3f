"""Where the parameters of a model lie: in the memory of the Edge TPU, or streamed to it in each inference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgebuild.estimate.edge_tpu.layer import TpuLayer

MIB = 2**20
USABLE = (int(5.5 * MIB), int(7.9 * MIB))
"""Bytes for parameters in logs of the compiler, of 8 MB. The rest holds activations, instructions, what streams."""
_EMPTY = int(7.68 * MIB)
"""What models with almost no activations have: the sweep of fully connected layers keeps 7.58 MiB, but not 7.71."""
PER_PLACE = 84
"""Bytes that each place of the largest plane takes of that in a model that streams; half of it in one that does not.
Fitted by `benchmarks/edgetpu_memory.py`."""
_MOST_PLACES = 150 * 150
"""More are cut into pieces: no log of a network that fills the memory has more."""

_OFF_BELOW, _OFF_ABOVE = 0.02, 0.06
"""Logs of models that fit say up to 6 % more than is estimated (poolings and depthwise layers of small sides)."""


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

    @property
    def overflow(self) -> tuple[TpuLayer, ...]:
        """What is streamed for want of room, without what always is."""
        return tuple(layer for layer in self.streamed_layers if not layer.is_always_streamed)


def usable_bytes(layers: Sequence[TpuLayer], per_place: float = PER_PLACE) -> int:
    """Bytes that are left for parameters: the larger the largest plane of the model, the fewer.

    What streams needs room too: a model that does not fit is left with less than one that does.
    """
    places = max((layer.positions for layer in layers if layer.has_weights), default=0)
    taken = int(per_place * min(places, _MOST_PLACES))
    needed = sum(layer.parameter_bytes for layer in layers if not layer.is_always_streamed)
    return _EMPTY - taken // 2 if needed <= _EMPTY - taken // 2 else _EMPTY - taken


def interval(sizes: Sequence[float]) -> tuple[float, float]:
    """From lowest to highest of a figure and its ends, and as far beyond as logs were off where the memory has room."""
    return min(sizes) * (1 - _OFF_BELOW), max(sizes) * (1 + _OFF_ABOVE)


def plan_cache(layers: Sequence[TpuLayer], usable: int) -> CachePlan:
    """Keep whole layers while they fit: first those whose weights are used at the fewest places, then the largest.

    A weight that is used at few places is not hidden behind computing while it streams. One that does not fit is
    streamed, smaller ones go on. This reproduces every row of the sweeps that `benchmarks/edgetpu_model.py` reads.
    """
    order = sorted(
        (place for place, layer in enumerate(layers) if not layer.is_always_streamed),
        key=lambda place: (layers[place].positions, -layers[place].parameter_bytes, place),
    )
    on_chip, kept = 0, set()
    for place in order:
        size = layers[place].parameter_bytes
        if on_chip + size <= usable:
            on_chip += size
            kept.add(place)
    streamed = tuple(layer for place, layer in enumerate(layers) if place not in kept)
    return CachePlan(usable, on_chip, sum(layer.parameter_bytes for layer in streamed), streamed)
