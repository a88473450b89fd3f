"""Rule `duplicate-weights`: no weight is stored twice."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from edgebuild.check.census.model import Census, TensorRecord
from edgebuild.check.finding import Finding
from edgebuild.check.promise import Promise
from edgebuild.check.rule import Rule
from edgebuild.check.wording import layers_of, places
from edgebuild.config.registries import RULES
from edgebuild.figure import format_value

CODE = "duplicate-weights"

_SMALL = 64
"""Bytes below which a copy is not worth a line."""


def check(census: Census, promise: Promise, layers: tuple[str, ...]) -> list[Finding]:
    """Note quantized weights that are the same; a shared layer that the converter copied, for example.

    A census has no values, but two different tensors do not have all their scales, zeros and distinct values in common.
    """
    groups: dict[Any, list[TensorRecord]] = defaultdict(list)
    for tensor in census.weights:
        if tensor.scale and tensor.bytes >= _SMALL:
            groups[_likeness(tensor)].append(tensor)
    copies = [group for group in groups.values() if len(group) > 1]
    return [
        Finding(
            CODE,
            f"{len(group)} weight tensors are the same, {format_value(_spare(group), 'B')} to spare ({places(group)})",
            layers_of(group, layers),
            severity="note",
        )
        for group in copies
    ]


def _likeness(tensor: TensorRecord) -> Any:
    return (tensor.dtype, tensor.shape, tensor.scale, tensor.zero_point, tensor.sparsity, tensor.distinct)


def _spare(group: list[TensorRecord]) -> int:
    return sum(tensor.bytes for tensor in group[1:])


RULES.register(CODE)(Rule("no weight is stored twice", check))
