"""Where each operation of a file runs by the compiler's log, which counts operations of a kind and names none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

from edgebuild.check.accelerators.edge_tpu.compiler_log import CompilerLog
from edgebuild.check.accelerators.edge_tpu.mapping import MappedOperation, Mapping, faces_caller
from edgebuild.check.census.model import Census
from edgebuild.check.wiring import Wiring

BEHIND = "More than one subgraph is not supported"
"""The compiler's words for what merely stands behind another operation."""
_UNLISTED = "is not in the compiler's log: estimated"


class ByLog(NamedTuple):
    """The mapping of a log; and where it leaves open which operations are meant, those of the least and most work."""

    mapping: Mapping
    least: Mapping
    most: Mapping


def map_by_log(estimated: Mapping, log: CompilerLog, census: Census, work: Callable[[int], int]) -> ByLog:
    """Distribute the counts of a log over the operations of its file.

    Args:
        estimated: the mapping by the documented limits: where the log maps some operations of a kind, it is taken to
            map those first that should be, from the front.
        log: the compiler's own.
        census: of the file.
        work: of an operation by its index, multiply-accumulates.
    """
    wiring = Wiring(census)

    def distributed(first: Callable[[MappedOperation], tuple[int, ...]]) -> Mapping:
        told: dict[int, MappedOperation] = {}
        for name in dict.fromkeys(operation.name for operation in estimated.operations):
            group = [operation for operation in estimated.operations if operation.name == name]
            for one in _distributed(sorted(group, key=first), log):
                told[one.index] = replace(
                    one, for_caller=not one.mapped and faces_caller(census.operations[one.index], wiring)
                )
        return Mapping(tuple(told[operation.index] for operation in estimated.operations))

    return ByLog(
        distributed(lambda one: (not one.mapped, one.index)),
        distributed(lambda one: (work(one.index), one.index)),
        distributed(lambda one: (-work(one.index), one.index)),
    )


def _distributed(group: list[MappedOperation], log: CompilerLog) -> Iterable[MappedOperation]:
    """The operations of one kind, those first that are mapped first, each with its row of the log."""
    rows = [row for row in log.operators if row.name == group[0].name]
    rows.sort(key=lambda row: not row.mapped)
    statuses = [row.status for row in rows for _ in range(row.count)]
    placed = len(set(statuses)) == 1 and len(statuses) == len(group)
    mapped = sum(row.count for row in rows if row.mapped)
    for place, operation in enumerate(group):
        if place >= len(statuses):
            yield replace(operation, reason=_UNLISTED, placed=False)
        elif place < mapped:
            yield replace(operation, mapped=True, reason="", own=True, placed=placed)
        else:
            yield _left(operation, statuses[place], placed=placed)


def _left(operation: MappedOperation, status: str, *, placed: bool) -> MappedOperation:
    """An operation that the log leaves on the CPU, with what the documented limits say against it too."""
    known = not operation.mapped and operation.own and operation.reason
    reason = f"{status}: it {operation.reason}" if known else status
    return replace(operation, mapped=False, reason=reason, own=status != BEHIND, placed=placed)
