"""Rule `stray-transpose`: no operation reorders dimensions that the promised layout has in order already."""

from __future__ import annotations

from edgebuild.check.census.model import Census, OperationRecord
from edgebuild.check.finding import Finding
from edgebuild.check.kinds import is_dequantize, is_quantize, is_transpose
from edgebuild.check.promise import Promise
from edgebuild.check.rule import Rule
from edgebuild.check.wiring import Wiring
from edgebuild.check.wording import count, layers_of, listing, place
from edgebuild.config.registries import RULES

CODE = "stray-transpose"

_IMAGE_DIMENSIONS = 4


def check(census: Census, promise: Promise, layers: tuple[str, ...]) -> list[Finding]:
    """Find operations that reorder dimensions, but for those between a promised NCHW caller and NHWC kernels."""
    wiring = Wiring(census)
    stray = [
        operation
        for operation in census.operations
        if is_transpose(operation) and not (promise.layout == "nchw" and _faces_caller(operation, wiring))
    ]
    if not stray:
        return []
    named = listing(dict.fromkeys(f"{operation.name} in {place(operation)}" for operation in stray))
    subject = f"{count(len(stray), 'operation')} only {_reorder(stray)}"
    message = f"{subject}, layout {promise.layout} needs none there ({named})"
    return [Finding(CODE, message, layers_of(stray, layers))]


def _reorder(stray: list[OperationRecord]) -> str:
    return "reorders dimensions" if len(stray) == 1 else "reorder dimensions"


def _faces_caller(operation: OperationRecord, wiring: Wiring) -> bool:
    """True directly behind a 4-D input or directly before a 4-D output, conversions of the type not counted."""
    tensors = [*wiring.computed_inputs(operation), *wiring.outputs(operation)]
    if any(len(tensor.shape) != _IMAGE_DIMENSIONS for tensor in tensors):
        return False
    return _behind_input(operation, wiring) or _before_output(operation, wiring)


def _behind_input(operation: OperationRecord, wiring: Wiring) -> bool:
    for tensor in wiring.computed_inputs(operation):
        maker = wiring.producer.get(tensor.index)
        if tensor.role == "input":
            return True
        if maker is not None and is_quantize(maker):
            return _behind_input(maker, wiring)
    return False


def _before_output(operation: OperationRecord, wiring: Wiring) -> bool:
    for tensor in wiring.outputs(operation):
        reader = wiring.reader_of(tensor)
        if tensor.role == "output":
            return True
        if reader is not None and (is_dequantize(reader) or is_quantize(reader)):
            return _before_output(reader, wiring)
    return False


RULES.register(CODE)(Rule("no operation only reorders dimensions, but where the promised layout needs it", check))
