"""Predicting the next bit: what followed in each of several contexts, mixed by how well each did so far.

Logistic mixing (Mahoney, Adaptive weighing of context models for lossless data compression, 2005), in integers only, so
that the decoder in C computes the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import mul

from edgebuild.package.container.arithmetic import BitCoder

LARGEST = 2047
"""Of a prediction in logits: 256 a unit."""

SQUASH_KNOTS = tuple(min(max(round(65536 / (1 + math.exp(-(step - 16) / 2))), 16), 65520) for step in range(33))
"""65536 / (1 + exp(-x)) at x = -8, -7.5, ..., 8; the decoder in C has the same numbers."""

WEIGHT_LIMIT = 1 << 19
HALF = 1 << 31
"""A slot that saw nothing: probability one half in the upper 22 bits, 0 bits seen in the lower 10."""


def _squash(logit: int) -> int:
    place, part = (logit + 2048) >> 7, (logit + 2048) & 127
    return (SQUASH_KNOTS[place] * (128 - part) + SQUASH_KNOTS[place + 1] * part + 64) >> 7


SQUASH = tuple(_squash(logit) for logit in range(-LARGEST, LARGEST + 1))
"""Probability of 1, of 65536, at logit + 2047."""


def _stretch() -> tuple[int, ...]:
    """The inverse of SQUASH for probabilities of 12 bits: the first logit that reaches one."""
    found: list[int] = []
    for logit in range(-LARGEST, LARGEST + 1):
        found += [logit] * ((SQUASH[logit + LARGEST] >> 4) + 1 - len(found))
    return tuple(found + [LARGEST] * (4096 - len(found)))


STRETCH = _stretch()


class Mixed:
    """Predicts bits from several slots at once.

    Each slot has a probability that moves by 1 / (n + 1.5) after n bits, n up to `limit`; each set of weights learns by
    gradient descent on the coding length, with a step of 2^-`shift`.
    """

    def __init__(self, slots: list[int], inputs: int, sets: int, limit: int, shift: int) -> None:
        """`slots` may be shared with other models; `sets` of weights for `inputs` slots each."""
        self._slots = slots
        self._weights = [[START // inputs] * inputs for _ in range(sets)]
        self._limit, self._shift = limit, shift

    def known(self, places: Sequence[int]) -> int:
        """How many of the slots saw anything."""
        return sum(self._slots[place] & 1023 > 0 for place in places)

    def code(self, coder: BitCoder, places: Sequence[int], chosen: int, bit: int) -> int:
        """Code a bit by the slots `places` with the weights `chosen`, and learn from it."""
        slots, weights = self._slots, self._weights[chosen]
        logits = [STRETCH[slots[place] >> 20] for place in places]
        logit = sum(map(mul, weights, logits)) >> 16
        one = SQUASH[min(max(logit, -LARGEST), LARGEST) + LARGEST]
        bit = coder.code(one, bit)
        error = (bit << 16) - one
        for number, value in enumerate(logits):
            weight = weights[number] + ((value * error) >> self._shift)
            weights[number] = min(max(weight, -WEIGHT_LIMIT), WEIGHT_LIMIT)
        for place in places:
            slots[place] = learned(slots[place], bit, self._limit)
        return bit


START = 5 << 14
"""Sum of the weights at first, of 65536: slots that agree are worth more together than each."""


def learned(slot: int, bit: int, limit: int) -> int:
    """A slot after one more bit."""
    one, seen = slot >> 10, slot & 1023
    step = ((0x3FFFFF - one if bit else one) * 2) // (2 * seen + 3)
    one = one + step if bit else one - step
    return one << 10 | (seen + 1 if seen < limit else seen)
