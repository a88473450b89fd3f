"""Several models on one Edge TPU, and one model on several: where parameters lie, and what an inference takes.

Source: Coral, "Edge TPU Compiler" (parameter data caching, co-compiling) and "Pipeline a model with multiple Edge
TPUs". Models that are compiled together share the memory: the first takes what it needs, each next what is left. A
pipeline cuts a model where the bytes of parameters are as equal as they can be; every part has a memory of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from edgebuild.estimate.edge_tpu.latency import Inference, LatencyEstimate, estimate_latency
from edgebuild.estimate.edge_tpu.layer import TpuLayer
from edgebuild.estimate.edge_tpu.memory import CachePlan, plan_cache, usable_bytes


def share_cache(models: Sequence[Sequence[TpuLayer]]) -> tuple[CachePlan, ...]:
    """Where the parameters of models that are compiled together lie, in the order that the compiler is given them.

    One runs at a time, so that activations take what the largest of any model need.
    """
    left = min((usable_bytes(layers) for layers in models), default=0)
    plans = []
    for layers in models:
        plan = plan_cache(layers, left)
        plans.append(plan)
        left -= plan.on_chip
    return tuple(plans)


@dataclass(frozen=True)
class Segment:
    """One part of a pipeline, on an Edge TPU of its own.

    Attributes:
        first, last: positions of its layers in the model, both included.
        plan: where its parameters lie.
        milliseconds: of one inference there, its transfers included.
    """

    first: int
    last: int
    plan: CachePlan
    milliseconds: LatencyEstimate


@dataclass(frozen=True)
class Pipeline:
    """A model on several Edge TPUs, one segment each."""

    segments: tuple[Segment, ...]

    @property
    def latency(self) -> LatencyEstimate:
        """From an input to its output: every segment, one after the other."""
        parts = [segment.milliseconds for segment in self.segments]
        return LatencyEstimate(*(sum(values) for values in zip(*map(_ends, parts), strict=True)))

    @property
    def interval(self) -> LatencyEstimate:
        """From one output to the next, while inputs keep coming: the slowest segment."""
        return max((segment.milliseconds for segment in self.segments), key=lambda part: part.middle)

    @property
    def streamed(self) -> int:
        """Bytes of parameters that go over a link in each inference."""
        return sum(segment.plan.streamed for segment in self.segments)


def pipeline_of(layers: Sequence[TpuLayer], count: int, crossing: Callable[[int], int], link: str) -> Pipeline:
    """Cut a model into `count` segments.

    Args:
        layers: in the order of execution; at least `count`.
        count: of Edge TPUs.
        crossing: position of a layer -> bytes that are alive between the layers before it and itself on, the model's
            input for 0 and its outputs for `len(layers)`.
        link: of LINKS, that every one of them is attached by.
    """
    segments = []
    for first, last in _even_cuts([layer.parameter_bytes for layer in layers], count):
        part = tuple(layers[first : last + 1])
        plan = plan_cache(part, usable_bytes(part))
        inference = Inference(part, plan, crossing(first), crossing(last + 1))
        segments.append(Segment(first, last, plan, estimate_latency(inference, link)))
    return Pipeline(tuple(segments))


def _even_cuts(sizes: Sequence[int], count: int) -> list[tuple[int, int]]:
    """The contiguous parts of which the largest is smallest; of equal ones, those that end first."""
    before = [0]
    for size in sizes:
        before.append(before[-1] + size)

    @cache
    def best(end: int, parts: int) -> tuple[int, int]:
        """Bytes of the largest of `parts` parts of the first `end` layers, and where the last of them starts."""
        if parts == 1:
            return before[end], 0
        return min(
            (max(best(start, parts - 1)[0], before[end] - before[start]), start) for start in range(parts - 1, end)
        )

    cuts, end = [], len(sizes)
    for parts in range(count, 0, -1):
        start = best(end, parts)[1]
        cuts.append((start, end - 1))
        end = start
    return cuts[::-1]


def _ends(part: LatencyEstimate) -> tuple[float, float, float, float]:
    return part.low, part.middle, part.high, part.compute
