"""The facts of a census that a report shows: counts and bytes by type, operations, delegates, interface, memory."""

from __future__ import annotations

from collections import Counter
from typing import Any

from edgebuild.check.census.model import Census, IoRecord
from edgebuild.check.runtime_versions.required import required_runtime
from edgebuild.check.runtime_versions.table import operation_table


def census_summary(census: Census) -> dict[str, Any]:
    """Return plain JSON values; keys are stable, lists are sorted so that equal files give equal summaries."""
    return {
        "file": {
            "format": census.format,
            "bytes": census.file_bytes,
            "sha256": census.sha256,
            "schema_version": census.schema_version,
        },
        "tensors": _tensors(census),
        "operations": _operations(census),
        "delegates": _delegates(census),
        "inputs": [_io(record) for record in census.inputs],
        "outputs": [_io(record) for record in census.outputs],
        "arena": {"bytes": census.arena_bytes, "source": census.arena_source},
        "min_runtime": {"stated": census.min_runtime, **_required(census)},
        "metadata": dict(sorted(census.metadata.items())),
    }


def _tensors(census: Census) -> list[dict[str, Any]]:
    counts = Counter((tensor.role, tensor.dtype) for tensor in census.tensors)
    stored: Counter[tuple[str, str]] = Counter()
    for tensor in census.tensors:
        stored[tensor.role, tensor.dtype] += tensor.bytes
    return [
        {"role": role, "dtype": dtype, "count": number, "bytes": stored[role, dtype]}
        for (role, dtype), number in sorted(counts.items())
    ]


def _operations(census: Census) -> list[dict[str, Any]]:
    counts = Counter((operation.name, operation.version, operation.delegate) for operation in census.operations)
    return [
        {"name": name, "version": version, "delegate": delegate, "count": number}
        for (name, version, delegate), number in sorted(counts.items(), key=_by_name)
    ]


def _by_name(item: tuple[tuple[str, int, str | None], int]) -> tuple[str, int, str]:
    (name, version, delegate), _number = item
    return (name, version, delegate or "")


def _delegates(census: Census) -> list[dict[str, Any]]:
    counts = Counter(operation.delegate for operation in census.operations if operation.delegate is not None)
    return [{"name": name, "operations": number} for name, number in sorted(counts.items())]


def _io(record: IoRecord) -> dict[str, Any]:
    return {
        "name": record.name,
        "dtype": record.dtype,
        "shape": list(record.shape),
        "scale": record.scale,
        "zero_point": record.zero_point,
    }


def _required(census: Census) -> dict[str, Any]:
    requirement = required_runtime(census)
    if requirement is None:
        return {"required": None, "by": None}
    newest = operation_table().newest_runtime
    release = requirement.runtime if requirement.runtime is not None else f"after {newest}"
    return {"required": f"tensorflow-lite {release}", "by": str(requirement)}
