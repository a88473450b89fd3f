"""Instructions of every inference and layer, from the running totals at the entries of the model's functions."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgebuild.bench.firmware.elf import Symbol

RETURNED = "harness_returned"


@dataclass(frozen=True)
class Inference:
    """What one call of the model executed.

    Attributes:
        instructions: from the entry of its function to its return.
        overhead: of those, before the first layer.
        layers: symbol (`model_layer_03`) -> instructions from the entry of that layer to that of the next, or to the
            return; what the layer calls is its own.
    """

    instructions: int
    overhead: int
    layers: Mapping[str, int]


def marked_symbols(symbols: Mapping[str, Symbol], prefix: str) -> dict[int, str]:
    """Address -> name of every place at which the running total is wanted."""
    layer = re.compile(rf"{re.escape(prefix)}_layer_\d+")
    wanted = {name for name in symbols if layer.fullmatch(name)} | {f"{prefix}_invoke", RETURNED}
    return {symbols[name].address: name for name in sorted(wanted)}


def split_inferences(marks: Sequence[tuple[int, int]], names: Mapping[int, str], prefix: str) -> list[Inference]:
    """Cut the marks of a run, (address, instructions executed before it), into inferences.

    Within each, the overhead and the layers add up to the instructions.
    """
    found: list[Inference] = []
    current: list[tuple[str, int]] = []
    for address, total in marks:
        name = names[address]
        if name == f"{prefix}_invoke":
            current = []
        current.append((name, total))
        if name == RETURNED:
            found.append(_inference(current))
    return found


def _inference(current: Sequence[tuple[str, int]]) -> Inference:
    layers: dict[str, int] = {}
    spans = [(name, following - total) for (name, total), (_, following) in itertools.pairwise(current)]
    for name, span in spans[1:]:
        layers[name] = layers.get(name, 0) + span
    return Inference(current[-1][1] - current[0][1], spans[0][1], layers)
