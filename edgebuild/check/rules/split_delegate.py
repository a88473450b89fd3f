"""Rule `split-delegate`: an ExecuTorch file calls one delegate, not a chain of them."""

from __future__ import annotations

from edgebuild.check.census.model import Census, OperationRecord
from edgebuild.check.finding import Finding
from edgebuild.check.promise import Promise
from edgebuild.check.rule import Rule
from edgebuild.check.wiring import Wiring
from edgebuild.check.wording import layers_of, listing
from edgebuild.config.registries import RULES

CODE = "split-delegate"


def check(census: Census, promise: Promise, layers: tuple[str, ...]) -> list[Finding]:
    """Note where the graph falls into several delegate calls: each hands its tensors over through memory."""
    if census.format != "pte":
        return []
    starts = _starts(census)
    if len(starts) < 2:
        return []
    wiring = Wiring(census)
    named = listing(f"one starts {wiring.whereabouts(operation)}" for operation in starts)
    message = f"{len(starts)} delegate calls instead of one ({named})"
    return [Finding(CODE, message, layers_of(starts[1:], layers), severity="note")]


def _starts(census: Census) -> list[OperationRecord]:
    """The first operation of every run of operations that one delegate has without interruption."""
    starts: list[OperationRecord] = []
    before: str | None = None
    for operation in census.operations:
        if operation.delegate is not None and operation.delegate != before:
            starts.append(operation)
        before = operation.delegate
    return starts


RULES.register(CODE)(Rule("an ExecuTorch file calls one delegate", check))
