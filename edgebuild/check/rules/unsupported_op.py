"""Rule `unsupported-op`: the Edge TPU compiler can map every operation."""

from __future__ import annotations

from edgebuild.check.accelerators.edge_tpu.mapping import map_operations
from edgebuild.check.census.model import Census
from edgebuild.check.finding import Finding
from edgebuild.check.promise import Promise
from edgebuild.check.rule import Rule
from edgebuild.check.runtime_versions.names import EDGE_TPU
from edgebuild.check.wording import layers_of, listing
from edgebuild.config.registries import RULES

CODE = "unsupported-op"


def check(census: Census, promise: Promise, layers: tuple[str, ...]) -> list[Finding]:
    """Find operations that the compiler leaves on the CPU, with everything behind the first of them.

    A file that the compiler refuses because of a version is `op-too-new`'s to tell.
    """
    if not any(runtime.name in EDGE_TPU for runtime in promise.runtimes):
        return []
    mapping = map_operations(census)
    own = [operation for operation in mapping.left if operation.own]
    if not own:
        return []
    by_reason: dict[str, list[str]] = {}
    for operation in own:
        by_reason.setdefault(operation.reason, []).append(f"{operation.name} {operation.place}")
    named = "; ".join(f"{listing(operations)} {reason}" for reason, operations in by_reason.items())
    inside = sum(not operation.for_caller for operation in mapping.operations)
    left = sum(not operation.mapped for operation in mapping.operations if not operation.for_caller)
    subject = f"{left} of {inside} operations would run on the CPU"
    message = f"{subject}, from the first that the Edge TPU does not take: {named}"
    return [Finding(CODE, message, layers_of([census.operations[operation.index] for operation in own], layers))]


RULES.register(CODE)(Rule("the Edge TPU compiler can map every operation", check))
