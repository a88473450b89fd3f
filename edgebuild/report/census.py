"""A census made short: tensors counted by role and dtype, operations by kind, for a report."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from edgebuild.check.census.model import Census, IoRecord
from edgebuild.report.facts import CensusFacts, DtypeCount, IoFacts, OperationCount


def summarize_census(census: Census) -> CensusFacts:
    """Count a census; rows are sorted, so that the same file gives the same facts."""
    counts: Counter[tuple[str, str]] = Counter()
    stored: Counter[tuple[str, str]] = Counter()
    for tensor in census.tensors:
        counts[tensor.role, tensor.dtype] += 1
        stored[tensor.role, tensor.dtype] += tensor.bytes
    operations = Counter((op.name, op.version, op.delegate) for op in census.operations)
    return CensusFacts(
        tensors=tuple(
            DtypeCount(role, dtype, counts[role, dtype], stored[role, dtype]) for role, dtype in sorted(counts)
        ),
        operations=tuple(
            OperationCount(name, version, delegate, operations[name, version, delegate])
            for name, version, delegate in sorted(operations, key=lambda op: (op[0], op[1], op[2] or ""))
        ),
        delegates=tuple(sorted({op.delegate for op in census.operations if op.delegate})),
        io=(*(_io("input", item) for item in census.inputs), *(_io("output", item) for item in census.outputs)),
        arena_bytes=census.arena_bytes,
        arena_source=census.arena_source,
    )


def _io(role: Literal["input", "output"], record: IoRecord) -> IoFacts:
    return IoFacts(role, record.name, record.dtype, tuple(record.shape), record.scale, record.zero_point)
