"""Rule `undelegated-op`: every operation of an ExecuTorch file runs in a delegate."""

from __future__ import annotations

from edgebuild.check.census.model import Census
from edgebuild.check.finding import Finding
from edgebuild.check.promise import Promise
from edgebuild.check.rule import Rule
from edgebuild.check.wiring import Wiring
from edgebuild.check.wording import layers_of, listing, of_total
from edgebuild.config.registries import RULES

CODE = "undelegated-op"


def check(census: Census, promise: Promise, layers: tuple[str, ...]) -> list[Finding]:
    """Find operations that fall back on ExecuTorch's portable kernels."""
    if census.format != "pte":
        return []
    left = [operation for operation in census.operations if operation.delegate is None]
    if not left:
        return []
    wiring = Wiring(census)
    named = listing(dict.fromkeys(f"{operation.name} {wiring.whereabouts(operation)}" for operation in left))
    subject = of_total(len(left), len(census.operations), "operation", verbs=("runs", "run"))
    message = f"{subject} on portable kernels, about 100 times slower than a delegate ({named})"
    return [Finding(CODE, message, layers_of(left, layers))]


RULES.register(CODE)(Rule("every operation of an ExecuTorch file runs in a delegate", check))
