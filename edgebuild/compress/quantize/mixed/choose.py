"""Which layers get the finer type: the noise that it takes away, weighed against the weights that it makes larger.

Errors of separate layers are independent, so that the noise of the outputs is near the sum of what each layer adds
alone. Least noise at a given cost is then had by taking layers in the order of noise per cost: the price of the
Lagrangian (Everett, 1963) falls from one to the next (Nagel et al., A White Paper on Neural Network Quantization,
2021, section 3.5, does the like by trial).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgebuild.compress.quantize.mixed.parameters import Mixed
from edgebuild.compress.quantize.mixed.sensitivity import BITS, Sensitivity
from edgebuild.config.quantity import BYTES
from edgebuild.errors import ConfigError


@dataclass(frozen=True)
class Choice:
    """The layers in the finer type, in the order in which they were chosen, and the metric's loss with it."""

    fine: tuple[str, ...]
    lost: float


def choose(
    rows: Sequence[Sensitivity], mixed: Mixed, types: tuple[str, str], lost: Callable[[Sequence[str]], float]
) -> Choice:
    """Choose among the layers of `rows`.

    Args:
        rows: what was measured of each.
        mixed: the bound.
        types: the coarser and the finer one.
        lost: (layers in the coarser type) -> what the metric loses.

    Raises:
        ConfigError: the bound cannot be met, or only with every layer in the finer type.
    """
    order = sorted(rows, key=lambda row: (-row.noise / row.weights, row.layer))
    names = [row.layer for row in rows]

    def without(fine: Sequence[str]) -> float:
        return lost([name for name in names if name not in fine])

    if mixed.accuracy_drop is not None:
        fine = _within_drop([row.layer for row in order], mixed.accuracy_drop, without, types)
    else:
        fine = _within_bytes(order, _room(rows, mixed, types))
    return Choice(tuple(fine), without(fine))


def _within_drop(
    order: Sequence[str], bound: float, without: Callable[[Sequence[str]], float], types: tuple[str, str]
) -> list[str]:
    """The fewest from the front of `order` that keep within the bound; those that then prove needless go back."""
    tried = {}
    for count in range(len(order)):
        tried[count] = without(order[:count])
        if tried[count] <= bound:
            break
    else:
        msg = (
            f"quantize.mixed.accuracy_drop: {bound:g} is out of reach; with {len(order) - 1} of {len(order)} layers in "
            f"{types[1]} the metric still loses {tried[len(order) - 1]:.3g}"
        )
        raise ConfigError(msg, remedy="allow more, train with qat, or leave the model in the finer type")
    fine = list(order[:count])
    for name in reversed(order[:count]):
        fewer = [other for other in fine if other != name]
        if without(fewer) <= bound:
            fine = fewer
    return fine


def _room(rows: Sequence[Sensitivity], mixed: Mixed, types: tuple[str, str]) -> float:
    """How many weights may have the finer type."""
    total = sum(row.weights for row in rows)
    if mixed.size is None:
        return (mixed.share or 0.0) * total
    least = total * BITS[types[0]] / 8
    if mixed.size < least:
        msg = (
            f"quantize.mixed.size: {BYTES.show(mixed.size)} is out of reach; the weights take {least:.0f} B with every "
            f"layer in {types[0]}"
        )
        raise ConfigError(msg, remedy="allow more, or prune first")
    return (mixed.size - least) * 8 / (BITS[types[1]] - BITS[types[0]])


def _within_bytes(order: Sequence[Sensitivity], room: float) -> list[str]:
    """As many from the front as fit; one that is too large is passed over. One at least stays in the coarser type."""
    fine: list[str] = []
    for row in order:
        if row.weights <= room and len(fine) < len(order) - 1:
            fine.append(row.layer)
            room -= row.weights
    return fine
