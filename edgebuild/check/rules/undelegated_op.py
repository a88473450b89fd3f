"""Rule `undelegated-op`: every operation of an ExecuTorch file runs in a delegate."""

from __future__ import annotations

from edgebuild.check.census.model import Census
from edgebuild.check.finding import Finding
from edgebuild.check.promise import Promise
from edgebuild.check.rule import Rule
from edgebuild.check.wording import count, layers_of, listing, place
from edgebuild.config.registries import RULES

CODE = "undelegated-op"


def check(census: Census, promise: Promise, layers: tuple[str, ...]) -> list[Finding]:
    """Find operations that fall back on ExecuTorch's portable kernels."""
    if census.format != "pte":
        return []
    left = [operation for operation in census.operations if operation.delegate is None]
    if not left:
        return []
    named = listing(dict.fromkeys(f"{operation.name} in {place(operation)}" for operation in left))
    subject = f"{count(len(left), 'operation')} of {len(census.operations)} {'runs' if len(left) == 1 else 'run'}"
    message = f"{subject} on portable kernels, about 100 times slower than a delegate ({named})"
    return [Finding(CODE, message, layers_of(left, layers))]


RULES.register(CODE)(Rule("every operation of an ExecuTorch file runs in a delegate", check))
