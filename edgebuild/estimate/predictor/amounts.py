"""The amounts that a time is a sum of, and what each costs before anything was measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from types import MappingProxyType

from edgebuild.estimate.predictor.workload import KINDS, Workload

CALL = "call"
"""One for each inference: what the runtime does around its operations."""

_MACS_MS = {
    "convolution": 0.1,
    "pointwise": 0.1,
    "depthwise": 0.3,
    "dense": 0.2,
    "matrix": 0.2,
    "pooling": 0.2,
    "other": 0.1,
}
_BYTE_MS, _OPERATION_MS, _CALL_MS = 0.25, 0.005, 0.05

BEFORE: Mapping[str, float] = MappingProxyType(
    {
        CALL: _CALL_MS,
        **{f"{kind} operations": _OPERATION_MS for kind in KINDS},
        **{f"{kind} MB": _BYTE_MS for kind in KINDS},
        **{f"{kind} MMAC": cost for kind, cost in _MACS_MS.items()},
    }
)
"""Amount -> ms of each unit before any measurement: 10 GMAC/s where every operand is used often, less where it is not,
4 GB/s, 5 us an operation. Only their ratios count, and only where a calibration says nothing: `uncalibrated.json`
scales them to published times, a calibration to measured ones."""


def amounts_of(workload: Workload) -> dict[str, float]:
    """Amounts of one inference, those that are zero left out; the keys are those of BEFORE."""
    found: dict[str, float] = defaultdict(float)
    found[CALL] = 1.0
    for operation in workload.operations:
        found[f"{operation.kind} operations"] += 1
        found[f"{operation.kind} MB"] += (operation.moved_bytes + operation.weight_bytes) / 1e6
        if operation.kind in _MACS_MS:
            found[f"{operation.kind} MMAC"] += operation.macs / 1e6
    return {name: amount for name, amount in found.items() if amount}
