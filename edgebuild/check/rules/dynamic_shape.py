"""Rule `dynamic-shape`: runtimes that plan memory ahead of time get static shapes only."""

from __future__ import annotations

from edgebuild.check.census.model import Census
from edgebuild.check.finding import Finding
from edgebuild.check.promise import Promise
from edgebuild.check.rule import Rule
from edgebuild.check.runtime_versions.names import EDGE_TPU, MICRO
from edgebuild.check.wording import count, layers_of, listing
from edgebuild.config.registries import RULES

CODE = "dynamic-shape"


def check(census: Census, promise: Promise, layers: tuple[str, ...]) -> list[Finding]:
    """Find tensors with a dimension that is not known before the file runs."""
    planners = [runtime for runtime in promise.runtimes if runtime.name in EDGE_TPU | MICRO]
    dynamic = [tensor for tensor in census.tensors if any(size < 0 for size in tensor.shape)]
    if not planners or not dynamic:
        return []
    named = listing(f"{tensor.name} {list(tensor.shape)}" for tensor in dynamic)
    message = f"{planners[0]} needs static shapes, {count(len(dynamic), 'tensor')} found without ({named})"
    return [Finding(CODE, message, layers_of(dynamic, layers))]


RULES.register(CODE)(Rule("runtimes that plan memory ahead of time get static shapes only", check))
