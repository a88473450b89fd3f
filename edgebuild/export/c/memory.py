"""The arena plan: where every buffer lies, so that those that live at the same time share no byte they both need.

Buffers are placed one after another at the lowest offset that fits (first fit), in several orders; the best order is
then improved by moving single buffers forward. An output may lie over an input that dies with it as far as the
kernel's `overlap` says.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

ALIGNMENT = 16
"""Bytes; every buffer begins at a multiple of it."""

SEARCH_STEPS = 400
"""Moves tried from the best greedy order; a plan at the lower bound ends the search at once."""


@dataclass(frozen=True)
class Buffer:
    """Some bytes that are needed from step `first` to step `last`, both included.

    Attributes:
        name: what reports call it.
        over: buffer number -> bytes by which this one must begin before that one, which it may then lie over.
    """

    name: str
    size: int
    first: int
    last: int
    over: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class MemoryPlan:
    """Offsets of the buffers in their order, the arena that holds them, and the bytes that no plan can go below."""

    buffers: tuple[Buffer, ...]
    offsets: tuple[int, ...]
    arena_bytes: int
    lower_bound: int


def plan_memory(buffers: Sequence[Buffer]) -> MemoryPlan:
    """Place all buffers; deterministic."""
    conflicts = _conflicts(buffers)
    bound = lower_bound(buffers)
    best = min((_place(order, buffers, conflicts) for order in _orders(buffers)), key=lambda plan: plan[0])
    best = _improve(best, buffers, conflicts, bound)
    peak, _, offsets = best
    return MemoryPlan(tuple(buffers), tuple(offsets), peak, bound)


Placement = tuple[int, list[int], list[int]]
"""(peak, order, offsets)"""

Conflicts = list[list[tuple[int, int, int]]]
"""per buffer: (other, below, above): the offset must not lie in (other's offset - below, other's offset + above)"""


def _conflicts(buffers: Sequence[Buffer]) -> Conflicts:
    found: Conflicts = [[] for _ in buffers]
    for number, one in enumerate(buffers):
        for other_number in range(number):
            other = buffers[other_number]
            if one.last < other.first or other.last < one.first:
                continue
            below, above = one.size, other.size
            if other_number in one.over:
                below = min(below, _aligned(one.over[other_number]))
            elif number in other.over:
                above = min(above, _aligned(other.over[number]))
            found[number].append((other_number, below, above))
            found[other_number].append((number, above, below))
    return found


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _orders(buffers: Sequence[Buffer]) -> list[list[int]]:
    def life(number: int) -> int:
        return buffers[number].last - buffers[number].first + 1

    keys: list[Callable[[int], tuple[int, ...]]] = [
        lambda number: (-buffers[number].size, buffers[number].first),
        lambda number: (-buffers[number].size * life(number), number),
        lambda number: (-life(number), -buffers[number].size),
        lambda number: (buffers[number].first, -buffers[number].size),
        lambda number: (-buffers[number].last, -buffers[number].size),
    ]
    plain = [sorted(range(len(buffers)), key=key) for key in keys]
    return plain + [_outputs_first(order, buffers) for order in plain]


def _outputs_first(order: list[int], buffers: Sequence[Buffer]) -> list[int]:
    """The same order, but each buffer right behind the outputs that may lie over it: they begin at lower offsets."""
    over: dict[int, list[int]] = {}
    for number in order:
        for other in buffers[number].over:
            over.setdefault(other, []).append(number)
    changed: dict[int, None] = {}
    for number in order:
        changed.update(dict.fromkeys([*over.get(number, ()), number]))
    return list(changed)


def _place(order: list[int], buffers: Sequence[Buffer], conflicts: Conflicts) -> Placement:
    """First fit in the given order."""
    offsets = [-1] * len(buffers)
    peak = 0
    for number in order:
        blocked = sorted(
            (offsets[other] - below, offsets[other] + above)
            for other, below, above in conflicts[number]
            if offsets[other] >= 0
        )
        at = 0
        for low, high in blocked:
            if low < at < high or (low < 0 and at == 0 < high):
                at = _aligned(high)
            elif low >= at:
                break
        offsets[number] = at
        peak = max(peak, at + _aligned(buffers[number].size))
    return peak, order, offsets


def _improve(best: Placement, buffers: Sequence[Buffer], conflicts: Conflicts, bound: int) -> Placement:
    """Move single buffers to the front of the order while that helps or changes nothing."""
    chance = random.Random(0)
    for _ in range(SEARCH_STEPS):
        if best[0] <= _aligned(bound) or len(buffers) < 2:
            break
        order = list(best[1])
        moved = order.pop(chance.randrange(len(order)))
        order.insert(chance.randrange(len(order) + 1), moved)
        found = _place(order, buffers, conflicts)
        if found[0] <= best[0]:
            best = found
    return best


def lower_bound(buffers: Sequence[Buffer]) -> int:
    """The most bytes that are needed at one time, outputs laid over their inputs as far as may be."""
    steps = {step for buffer in buffers for step in (buffer.first, buffer.last)}
    return max((_needed_at(step, buffers) for step in steps), default=0)


def _needed_at(step: int, buffers: Sequence[Buffer]) -> int:
    live = [number for number, buffer in enumerate(buffers) if buffer.first <= step <= buffer.last]
    total = sum(buffers[number].size for number in live)
    savings = 0
    for number in live:
        under = [other for other in buffers[number].over if other in live]
        if under:
            inputs = sum(buffers[other].size for other in under)
            distance = min(buffers[number].over[other] for other in under)
            together = max(buffers[number].size, inputs + min(distance, buffers[number].size))
            savings += inputs + buffers[number].size - together
    return total - savings
