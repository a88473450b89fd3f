"""The weights inside the delegates of a phone against those of the graph that PyTorch ran in their place."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from edgebuild.check.census.pte_phones import stored_parameters
from edgebuild.check.finding import Finding
from edgebuild.check.wording import listing
from edgebuild.runtime.executorch_file import read_pte
from edgebuild.runtime.graph_weights import graph_weights

DIFFERS, SAME = "delegate-differs", "delegate-weights"

_CLOSE = {"float16": 1e-3, "float32": 1e-5}
"""Type in the file -> how far from a number its rounding, and that of a folded batch norm, may be, as a share of it;
and of the largest of the tensor."""


def weight_findings(file: Path, graph: Path) -> list[Finding]:
    """Look for every weight and bias of the graph among those of the file's delegates.

    Raises:
        ConfigError: the file is damaged.
    """
    program = read_pte(file)
    left = stored_parameters(program)
    outside = {layer for _, layer in program.metadata()["layers"]["kernels"]}
    total, types, missing = 0, set(), []
    for found in [weight for weight in graph_weights(graph) if weight.layer not in outside]:
        for values in (found.weight, found.bias):
            if not values.size:
                continue
            total += 1
            place = next((number for number, one in enumerate(left) if _is(one, values)), None)
            if place is None:
                missing.append(found.layer)
            else:
                types.add(left.pop(place).dtype.name)
    if missing:
        message = f"{len(missing)} of {total} weights and biases of the graph that PyTorch ran are not in the delegates"
        return [Finding(DIFFERS, f"{message} ({listing(_once(missing))})", tuple(_once(missing)))]
    message = f"the delegates hold the {total} weights and biases of the graph that PyTorch ran"
    return [Finding(SAME, f"{message}, as {' and '.join(sorted(types)) or 'none'}", severity="note")]


def _is(stored: np.ndarray, expected: np.ndarray) -> bool:
    """Whether the stored numbers are the expected ones, as near as their type comes; a matrix may lie turned."""
    if stored.size != expected.size or stored.dtype.name not in _CLOSE:
        return False
    close = _CLOSE[stored.dtype.name]
    values = stored.astype(np.float64)
    ways = [values.reshape(expected.shape)]
    if values.ndim == expected.ndim == 2 and values.shape == expected.shape[::-1]:
        ways.append(values.T)
    return any(np.allclose(one, expected, rtol=close, atol=close * float(np.abs(expected).max())) for one in ways)


def _once(layers: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(layers))
