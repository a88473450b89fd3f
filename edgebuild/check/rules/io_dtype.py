"""Rule `io-dtype`: inputs and outputs have the type that the profile promises to the caller."""

from __future__ import annotations

from edgebuild.check.census.model import Census, IoRecord
from edgebuild.check.finding import Finding
from edgebuild.check.promise import Promise
from edgebuild.check.rule import Rule
from edgebuild.config.registries import RULES

CODE = "io-dtype"

_INDICES = frozenset({"int32", "int64", "bool"})
"""Token ids, masks and class indices: no profile turns them into something else."""
_QUANTIZED = frozenset({"int8", "uint8", "int16"})


def check(census: Census, promise: Promise, layers: tuple[str, ...]) -> list[Finding]:
    """Compare the type of every input and output, and see that quantized ones say their scale."""
    findings = []
    for kind, records in (("input", census.inputs), ("output", census.outputs)):
        for record in records:
            message = _complaint(record, promise.io)
            if message:
                findings.append(Finding(CODE, f"{kind} {record.name}: {message}"))
    return findings


def _complaint(record: IoRecord, promised: str) -> str | None:
    if record.dtype in _INDICES:
        return None
    if record.dtype != promised:
        return f"{promised} promised, {record.dtype} found"
    if record.dtype in _QUANTIZED and record.scale is None:
        return f"{record.dtype} without a scale: the caller cannot know what the numbers mean"
    return None


RULES.register(CODE)(Rule("inputs and outputs have the promised type, quantized ones a scale", check))
