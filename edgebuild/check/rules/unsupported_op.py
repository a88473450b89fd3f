"""Rule `unsupported-op`: the Edge TPU compiler can map every operation."""

from __future__ import annotations

from edgebuild.check.census.model import Census, OperationRecord
from edgebuild.check.finding import Finding
from edgebuild.check.kinds import is_dequantize, is_quantize
from edgebuild.check.promise import Promise
from edgebuild.check.rule import Rule
from edgebuild.check.runtime_versions.edge_tpu import reason_against
from edgebuild.check.runtime_versions.names import EDGE_TPU
from edgebuild.check.wiring import Wiring
from edgebuild.check.wording import layers_of, listing
from edgebuild.config.registries import RULES

CODE = "unsupported-op"


def check(census: Census, promise: Promise, layers: tuple[str, ...]) -> list[Finding]:
    """Find operations that the compiler leaves on the CPU, with everything behind the first of them."""
    if not any(runtime.name in EDGE_TPU for runtime in promise.runtimes):
        return []
    wiring = Wiring(census)
    inside = [operation for operation in census.operations if not _faces_caller(operation, wiring)]
    reasons = {operation.index: reason_against(operation, wiring) for operation in inside}
    left = [operation for operation in inside if reasons[operation.index]]
    if not left:
        return []
    behind = len(inside) - inside.index(left[0])
    by_reason: dict[str, list[str]] = {}
    for operation in left:
        by_reason.setdefault(reasons[operation.index] or "", []).append(
            f"{operation.name} {wiring.whereabouts(operation)}"
        )
    named = "; ".join(f"{listing(operations)} {reason}" for reason, operations in by_reason.items())
    subject = f"{behind} of {len(inside)} operations would run on the CPU"
    message = f"{subject}, from the first that the Edge TPU does not take: {named}"
    return [Finding(CODE, message, layers_of(left, layers))]


def _faces_caller(operation: OperationRecord, wiring: Wiring) -> bool:
    """True for the conversion right behind an input or right before an output: the CPU does it for a float caller."""
    if not (is_quantize(operation) or is_dequantize(operation)):
        return False
    tensors = [*wiring.inputs(operation), *wiring.outputs(operation)]
    return any(tensor.role in ("input", "output") for tensor in tensors)


RULES.register(CODE)(Rule("the Edge TPU compiler can map every operation", check))
