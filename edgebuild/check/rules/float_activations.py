"""Rule `float-activations`: a full-integer file computes nothing in floating point."""

from __future__ import annotations

from edgebuild.check.census.model import Census, OperationRecord
from edgebuild.check.finding import Finding
from edgebuild.check.kinds import is_dequantize, is_quantize
from edgebuild.check.layer_types import FLOATS, computes_in_float
from edgebuild.check.promise import Promise
from edgebuild.check.rule import Rule
from edgebuild.check.wiring import Wiring
from edgebuild.check.wording import layers_of, listing, of_total
from edgebuild.config.registries import RULES

CODE = "float-activations"


def check(census: Census, promise: Promise, layers: tuple[str, ...]) -> list[Finding]:
    """Find operations of a full-integer file that read or make floating-point activations.

    Layers that the plan leaves in floating point may, and what stands between them.
    """
    if not promise.full_integer:
        return []
    wiring = Wiring(census)
    meant = computes_in_float(census, wiring, promise.float_layers)
    left = [one for one in census.operations if one.index not in meant and _is_float(one, wiring)]
    if not left:
        return []
    named = listing(dict.fromkeys(f"{operation.name} {wiring.whereabouts(operation)}" for operation in left))
    subject = of_total(len(left), len(census.operations), "operation", verbs=("computes", "compute"))
    message = f"{promise.dtype} asked: {subject} in floating point ({named})"
    return [Finding(CODE, message, layers_of(left, layers))]


def _is_float(operation: OperationRecord, wiring: Wiring) -> bool:
    # A conversion stands between float and integer by its nature; `inner-quantize` looks at where it stands.
    if is_quantize(operation) or is_dequantize(operation) or wiring.moves_at_border(operation):
        return False
    return any(tensor.dtype in FLOATS for tensor in [*wiring.computed_inputs(operation), *wiring.outputs(operation)])


RULES.register(CODE)(Rule("a full-integer file computes nothing in floating point", check))
