"""The steps of the tensors in a TOSA graph, which has none: those that the lowering noted, held against its RESCALEs.

A RESCALE multiplies integers by the ratio of two steps. A note that no such ratio agrees with is no step of the file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgebuild.runtime.tosa_file import Steps, TosaGraph, TosaOperator

_CLOSE = 1e-5
"""Of a ratio; multipliers have 15 bits at least, but for the very small ones."""
WEIGHTED = ("CONV2D", "CONV3D", "DEPTHWISE_CONV2D", "TRANSPOSE_CONV2D", "FULLY_CONNECTED")
"""Operators that have a weight, then a bias, for their second and third input."""
_MOVES = (
    "RESHAPE",
    "TRANSPOSE",
    "SLICE",
    "CONCAT",
    "PAD",
    "TILE",
    "REVERSE",
    "CLAMP",
    "MAX_POOL2D",
    "IDENTITY",
)
"""Operators whose result has the steps of their first input."""


def steps_of(graph: TosaGraph) -> dict[str, Steps]:
    """Name of a tensor -> its steps; weights and biases have one for each output channel, or one."""
    found: dict[str, Steps] = {}
    wrong: set[str] = set()
    for operator in graph.operators:
        noted = {name: operator.noted[place] for place, name in enumerate(operator.inputs) if place in operator.noted}
        wrong.update(name for name, steps in noted.items() if name in found and not _same(found[name], steps))
        found |= noted
        if operator.name == "RESCALE":
            wrong |= _rescaled(graph, operator, found)
        elif operator.name in WEIGHTED and {0, 1} <= operator.noted.keys():
            found[operator.outputs[0]] = _product(operator)
        elif operator.output is not None:
            found[operator.outputs[0]] = operator.output
        elif operator.name in _MOVES and operator.inputs[0] in found:
            found[operator.outputs[0]] = found[operator.inputs[0]]
    return {name: steps for name, steps in found.items() if name not in wrong}


def _product(operator: TosaOperator) -> Steps:
    """Of what a convolution adds up: the step of its input times those of its weight."""
    given, weight = operator.noted[0], operator.noted[1]
    return Steps(tuple(given.scales[0] * scale for scale in weight.scales), (0,))


def _rescaled(graph: TosaGraph, operator: TosaOperator, found: dict[str, Steps]) -> set[str]:
    """Put down the step behind a RESCALE; return the tensors whose steps do not go together with it."""
    source, target = operator.inputs[0], operator.outputs[0]
    if source not in found:
        return set()
    rescale = _Rescale.read(graph, operator)
    scales = np.asarray(found[source].scales) / rescale.ratios
    step = float(np.median(scales))
    if np.any(np.abs(scales / step - 1) > rescale.tolerance) or found[source].zero_points[0] != rescale.zero_points[0]:
        return _feeding(graph, source)
    found[target] = Steps((step,), (rescale.zero_points[1],))
    return set()


def _feeding(graph: TosaGraph, source: str) -> set[str]:
    """The tensor, and the stored ones that it is computed from: whose step is wrong, nothing tells."""
    maker = next((operator for operator in graph.operators if source in operator.outputs), None)
    return {source, *(maker.inputs if maker is not None and maker.name in WEIGHTED else ())}


@dataclass(frozen=True)
class _Rescale:
    """Ratios (one, or one for each channel), how near a step has to be, zero points of input and output."""

    ratios: np.ndarray
    tolerance: np.ndarray
    zero_points: tuple[int, int]

    @staticmethod
    def read(graph: TosaGraph, operator: TosaOperator) -> _Rescale:
        multipliers, shifts, before, behind = (_integers(graph, name) for name in operator.inputs[1:5])
        multipliers = multipliers.astype(np.float64)
        exact = np.maximum(multipliers, 1)
        return _Rescale(exact / 2.0**shifts, np.maximum(_CLOSE, 1 / exact), (int(before[0]), int(behind[0])))


def _integers(graph: TosaGraph, name: str) -> np.ndarray:
    tensor = graph.tensors[name]
    return np.frombuffer(tensor.data, tensor.dtype)[: int(np.prod(tensor.shape))]


def _same(one: Steps, other: Steps) -> bool:
    if one.zero_points[0] != other.zero_points[0] or len(one.scales) != len(other.scales):
        return False
    return bool(np.allclose(one.scales, other.scales, rtol=_CLOSE, atol=0))
