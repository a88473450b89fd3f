"""The oldest TensorFlow Lite runtime that a file really needs, and the operation that needs it."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.version import Version

from edgebuild.check.census.model import Census, OperationRecord
from edgebuild.check.runtime_versions.signature import version_by_types
from edgebuild.check.runtime_versions.table import operation_table
from edgebuild.check.wiring import Wiring

TFLITE = "tflite"


@dataclass(frozen=True)
class Requirement:
    """What one operation of the file needs.

    Attributes:
        operation: the operation itself.
        version: the operation version that counts: the higher of the stated one and the one its types need.
        runtime: the oldest TensorFlow Lite release with that version; None where it is newer than all we know of.
        by_types: True where the types need more than the file states.
    """

    operation: OperationRecord
    version: int
    runtime: Version | None
    by_types: bool = False

    def __str__(self) -> str:
        why = " by its types" if self.by_types else ""
        return f"{self.operation.name} version {self.version}{why}"


def requirements(census: Census) -> list[Requirement]:
    """What each operation of a .tflite file needs, in file order; operations that no table knows are left out."""
    if census.format != TFLITE:
        return []
    wiring = Wiring(census)
    found = (_requirement(operation, wiring) for operation in census.operations)
    return [requirement for requirement in found if requirement is not None]


def required_runtime(census: Census) -> Requirement | None:
    """The requirement that decides: the first of those with the newest runtime; None for files without a table."""
    every = requirements(census)
    unknown = [requirement for requirement in every if requirement.runtime is None]
    if unknown or not every:
        return unknown[0] if unknown else None
    return max(every, key=lambda requirement: requirement.runtime or Version("0"))


def _requirement(operation: OperationRecord, wiring: Wiring) -> Requirement | None:
    table = operation_table()
    by_types = version_by_types(operation, wiring)
    candidates = []
    for version, from_types in ((operation.version, False), (by_types, True)):
        if table.is_beyond(operation.name, version):
            return Requirement(operation, version, None, from_types)
        runtime = table.oldest_runtime(operation.name, version)
        if runtime is not None:
            candidates.append(Requirement(operation, version, runtime, from_types))
    if not candidates:
        return None
    return max(candidates, key=lambda requirement: (requirement.runtime or Version("0"), not requirement.by_types))
