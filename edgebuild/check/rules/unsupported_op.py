"""Rule `unsupported-op`: the Edge TPU compiler can map every operation."""

from __future__ import annotations

from edgebuild.check.accelerators.edge_tpu.mapping import CODE, map_operations, unsupported
from edgebuild.check.census.model import Census
from edgebuild.check.finding import Finding
from edgebuild.check.promise import Promise
from edgebuild.check.rule import Rule
from edgebuild.check.runtime_versions.names import EDGE_TPU
from edgebuild.check.wording import layers_of
from edgebuild.config.registries import RULES


def check(census: Census, promise: Promise, layers: tuple[str, ...]) -> list[Finding]:
    """Find operations that the compiler leaves on the CPU, with everything behind the first of them.

    A file that the compiler refuses because of a version is `op-too-new`'s to tell.
    """
    if not any(runtime.name in EDGE_TPU for runtime in promise.runtimes):
        return []
    mapping = map_operations(census)
    message = unsupported(mapping)
    if message is None:
        return []
    concerned = [census.operations[operation.index] for operation in mapping.left if operation.own]
    return [Finding(CODE, message, layers_of(concerned, layers))]


RULES.register(CODE)(Rule("the Edge TPU compiler can map every operation", check))
