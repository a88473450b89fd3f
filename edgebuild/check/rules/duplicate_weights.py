"""Rule `duplicate-weights`: no weight is stored twice."""

from __future__ import annotations

from collections import defaultdict

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
    """Note weights with the same stored bytes; a shared layer that the converter copied, for example."""
    groups: dict[str, list[TensorRecord]] = defaultdict(list)
    for tensor in census.weights:
        if tensor.digest is not None and tensor.bytes >= _SMALL:
            groups[tensor.digest].append(tensor)
    copies = [group for group in groups.values() if len(group) > 1]
    return [
        Finding(
            CODE,
            f"{len(group)} weight tensors hold the same bytes, {format_value(_spare(group), 'B')} to spare "
            f"({places(group)})",
            layers_of(group, layers),
            severity="note",
        )
        for group in copies
    ]


def _spare(group: list[TensorRecord]) -> int:
    return sum(tensor.bytes for tensor in group[1:])


RULES.register(CODE)(Rule("no weight is stored twice", check))
