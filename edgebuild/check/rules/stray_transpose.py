"""Rule `stray-transpose`: no operation reorders dimensions that the promised layout has in order already."""

from __future__ import annotations

from dataclasses import replace

from edgebuild.check.census.model import Census, OperationRecord
from edgebuild.check.finding import Finding
from edgebuild.check.kinds import is_cast, is_dequantize, is_quantize, is_reshape, is_transpose
from edgebuild.check.promise import Promise
from edgebuild.check.rule import Rule
from edgebuild.check.wiring import Wiring
from edgebuild.check.wording import count, layers_of, listing
from edgebuild.config.registries import RULES

CODE = "stray-transpose"

_IMAGE_DIMENSIONS = 4


def check(census: Census, promise: Promise, layers: tuple[str, ...]) -> list[Finding]:
    """Find operations that move every element of a tensor only to reorder its dimensions.

    Not stray: those between a promised NCHW caller and NHWC kernels, and those that move dimensions of size 1 only. A
    note instead of a fatal finding: those that a delegate puts in by itself, and those before a flatten, where the
    model's own order of features asks for them.
    """
    wiring = Wiring(census)
    found = [
        operation
        for operation in census.operations
        if is_transpose(operation)
        and _moves_data(operation, wiring)
        and not (promise.layout == "nchw" and _faces_caller(operation, wiring))
    ]
    delegated = [operation for operation in found if operation.delegate is not None]
    flattening = [o for o in found if o.delegate is None and _before_flatten(o, wiring)]
    stray = [operation for operation in found if operation not in delegated and operation not in flattening]
    return [
        *_finding(stray, f"layout {promise.layout} needs none there", wiring, layers),
        *_note(flattening, "the flatten behind reads channels first; global pooling needs none", wiring, layers),
        *_note(delegated, "put in by the delegate", wiring, layers),
    ]


def _finding(operations: list[OperationRecord], why: str, wiring: Wiring, layers: tuple[str, ...]) -> list[Finding]:
    if not operations:
        return []
    named = listing(dict.fromkeys(f"{operation.name} {wiring.whereabouts(operation)}" for operation in operations))
    subject = (
        f"{count(len(operations), 'operation')} only {'reorders' if len(operations) == 1 else 'reorder'} dimensions"
    )
    return [Finding(CODE, f"{subject}, {why} ({named})", layers_of(operations, layers))]


def _note(operations: list[OperationRecord], why: str, wiring: Wiring, layers: tuple[str, ...]) -> list[Finding]:
    return [replace(finding, severity="note") for finding in _finding(operations, why, wiring, layers)]


def _moves_data(operation: OperationRecord, wiring: Wiring) -> bool:
    inputs, outputs = wiring.computed_inputs(operation), wiring.outputs(operation)
    if not inputs or not outputs:
        return False
    before, after = ([size for size in tensor.shape if size != 1] for tensor in (inputs[0], outputs[0]))
    only_ones = before == after and (inputs[0].shape != outputs[0].shape or len(before) <= 1)
    return not only_ones


def _before_flatten(operation: OperationRecord, wiring: Wiring) -> bool:
    outputs = wiring.outputs(operation)
    reader = wiring.reader_of(outputs[0]) if outputs else None
    if reader is None or not is_reshape(reader):
        return False
    result = wiring.outputs(reader)
    return bool(result) and len(result[0].shape) < len(outputs[0].shape)


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
        if maker is not None and (is_quantize(maker) or is_cast(maker)):
            return _behind_input(maker, wiring)
    return False


def _before_output(operation: OperationRecord, wiring: Wiring) -> bool:
    for tensor in wiring.outputs(operation):
        reader = wiring.reader_of(tensor)
        if tensor.role == "output":
            return True
        if reader is not None and (is_dequantize(reader) or is_quantize(reader) or is_cast(reader)):
            return _before_output(reader, wiring)
    return False


RULES.register(CODE)(Rule("no operation only reorders dimensions, but where the promised layout needs it", check))
