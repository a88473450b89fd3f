"""Time and energy of an inference on an Edge TPU, estimated from the layers that run there and those that do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgebuild.estimate.edge_tpu.coefficients import coefficients
from edgebuild.estimate.edge_tpu.layer import TpuLayer
from edgebuild.estimate.edge_tpu.memory import USABLE, CachePlan, plan_cache
from edgebuild.estimate.edge_tpu.terms import TERMS, Amounts, amounts_of
from edgebuild.figure import Figure

LINKS: Mapping[str, float] = {"usb3": 1.0, "pcie": 1.0, "usb2": 4000 / 480}
"""Link -> how much longer a byte takes than in the sweeps, by nominal rates: USB 3 and PCIe 2 x1 carry 4 Gbit/s,
USB 2 480 Mbit/s."""

_LINK_SPREAD = 0.25
"""Of the time on the link: the sweeps do not say which link they were measured over."""
_UNSEEN_SPREAD = 0.5
"""Of the time of depthwise convolutions, which no sweep has."""
_CPU_MACS_PER_MS = 4e6
_CPU_ELEMENTS_PER_MS = 1e6
_CPU_SPREAD = 4.0
"""What stays on the CPU: 4 GMAC/s and 1 G elements/s, four times slower or faster; the host is not known."""
_WATTS = (0.5, 1.0, 2.0)
"""Idle with a link, while data moves, while the array works: 4 TOPS at 2 TOPS a watt, as Coral states; not measured."""


@dataclass(frozen=True)
class CpuTail:
    """What runs on the CPU: multiply-accumulates, and elements that are made."""

    macs: int = 0
    elements: int = 0

    @property
    def milliseconds(self) -> float:
        """On a CPU of which nothing is known."""
        return self.macs / _CPU_MACS_PER_MS + self.elements / _CPU_ELEMENTS_PER_MS


@dataclass(frozen=True)
class Inference:
    """One inference: the compiled layers, their parameters' places, what crosses the link, what the CPU does."""

    layers: Sequence[TpuLayer]
    plan: CachePlan
    input_bytes: int
    output_bytes: int
    tail: CpuTail = CpuTail()

    @property
    def amounts(self) -> Amounts:
        """The amounts that the time is a sum of."""
        return amounts_of(self.layers, self.plan, self.input_bytes, self.output_bytes)

    def with_usable(self, usable: int) -> Inference:
        """The same with another amount of memory for parameters."""
        return Inference(self.layers, plan_cache(self.layers, usable), self.input_bytes, self.output_bytes, self.tail)


@dataclass(frozen=True)
class LatencyEstimate:
    """Milliseconds of one inference, lowest, middle, highest; `compute` is the share of the middle in the array."""

    low: float
    middle: float
    high: float
    compute: float


def estimate_latency(inference: Inference, link: str) -> LatencyEstimate:
    """Estimate one inference over a link of LINKS.

    The interval is that of the fitted terms on rows they were not fitted to, wider for what no sweep has, and reaches
    over the memory that the compiler may leave for parameters.
    """
    middle, compute, spread = _terms(inference.amounts, link)
    tail = inference.tail.milliseconds
    lows, highs = [middle - spread], [middle + spread]
    for usable in USABLE:
        other, _, wide = _terms(inference.with_usable(usable).amounts, link)
        # Where the memory is not full, its size changes nothing and adds nothing.
        lows.append(min(other, middle) - (wide if other < middle else spread))
        highs.append(max(other, middle) + (wide if other > middle else spread))
    low = max(min(lows), 0.0) + tail / _CPU_SPREAD
    return LatencyEstimate(low, middle + tail, max(highs) + tail * _CPU_SPREAD, compute)


def _terms(amounts: Amounts, link: str) -> tuple[float, float, float]:
    """(time on the Edge TPU, that of its array, half the interval), ms."""
    known = coefficients()
    slower = LINKS[link]
    parts = {name: amount * known.milliseconds[name] for name, amount in zip(TERMS, amounts.values, strict=True)}
    for name in ("link_bytes", "output_bytes", "repeated_bytes"):
        parts[name] *= slower
    total = sum(parts.values())
    on_link = parts["link_bytes"] + parts["output_bytes"] + parts["repeated_bytes"]
    unseen = amounts.unseen_steps * known.milliseconds["array_steps"]
    return total, parts["array_steps"], known.half_width(total) + _LINK_SPREAD * on_link + _UNSEEN_SPREAD * unseen


def latency_figure(inference: Inference, link: str) -> Figure:
    """Time of one inference as a figure, in ms."""
    known, found = coefficients(), estimate_latency(inference, link)
    beyond = "; wider for the link, depthwise convolutions and the CPU, which it was not fitted to"
    return Figure(
        "latency",
        found.middle,
        "ms",
        "estimated",
        low=found.low,
        high=found.high,
        confidence=known.confidence,
        provenance=f"Edge TPU over {link}: {known.source}{beyond}",
    )


def energy_figure(inference: Inference, link: str) -> Figure:
    """Energy of one inference as a figure, in mJ: stated power times estimated time."""
    found = estimate_latency(inference, link)
    idle, moving, working = _WATTS
    value = working * found.compute + moving * (found.middle - found.compute)
    return Figure(
        "energy",
        value,
        "mJ",
        "estimated",
        low=idle * found.low,
        high=working * found.high,
        provenance=f"uncalibrated: {idle:g} to {working:g} W (4 TOPS at 2 TOPS a watt, as stated by Coral) x time",
    )
