"""Rule `stray-transpose`: no operation reorders dimensions that the promised layout has in order already."""

from __future__ import annotations

from dataclasses import replace

from edgebuild.check.census.model import Census, OperationRecord, TensorRecord
from edgebuild.check.finding import Finding
from edgebuild.check.kinds import is_cast, is_dequantize, is_quantize, is_reshape, is_transpose
from edgebuild.check.promise import Promise
from edgebuild.check.rule import Rule
from edgebuild.check.wiring import Wiring
from edgebuild.check.wording import count, layers_of, listing
from edgebuild.config.registries import RULES

CODE = "stray-transpose"

_IMAGE_DIMENSIONS = 4
_LAYOUT_DIMENSIONS = (4, 5)
_FLATTEN = "the reshape beside it counts channels first; global pooling in place of a flatten needs none"


def check(census: Census, promise: Promise, layers: tuple[str, ...]) -> list[Finding]:
    """Find operations that move every element of a tensor only to reorder its dimensions.

    Not stray: those between a promised NCHW caller and NHWC kernels, those between a caller's signal or sequence, which
    keeps the model's order in every layout, and such kernels, and those that move dimensions of size 1 only. A note
    instead of a fatal finding: those that the model itself asks for, those that a delegate puts in by itself, and those
    beside a flatten or another reshape, where the model's own order of features asks for them.
    """
    wiring = Wiring(census)
    found = [
        operation
        for operation in census.operations
        if is_transpose(operation) and _moves_data(operation, wiring) and not _faces_caller(operation, promise, wiring)
    ]
    own = [operation for operation in found if not _changes_layout(operation, wiring)]
    delegated = [operation for operation in found if operation.delegate is not None and operation not in own]
    rest = [operation for operation in found if operation not in own and operation not in delegated]
    flattening = [operation for operation in rest if _meets_reshape(operation, wiring)]
    stray = [operation for operation in rest if operation not in flattening]
    return [
        *_finding(stray, f"layout {promise.layout} needs none there", wiring, layers),
        *_note(
            flattening,
            "the reshape beside it counts channels first; global pooling in place of a flatten needs none",
            wiring,
            layers,
        ),
        *_note(delegated, "put in by the delegate", wiring, layers),
        *_note(own, "as the model itself does", wiring, layers),
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


def _meets_reshape(operation: OperationRecord, wiring: Wiring) -> bool:
    """True right behind or right before a reshape that puts dimensions together or takes them apart."""
    makers = [wiring.producer.get(tensor.index) for tensor in wiring.computed_inputs(operation)]
    readers = [wiring.reader_of(tensor) for tensor in wiring.outputs(operation)]
    return any(near is not None and is_reshape(near) and _regroups(near, wiring) for near in (*makers, *readers))


def _regroups(reshape: OperationRecord, wiring: Wiring) -> bool:
    sides = wiring.computed_inputs(reshape)[:1], wiring.outputs(reshape)[:1]
    before, after = ([size for tensor in side for size in tensor.shape if size != 1] for side in sides)
    return before != after


def _changes_layout(operation: OperationRecord, wiring: Wiring) -> bool:
    """True where shapes tell a move of the channels to the end or back; any other order is the model's own wish."""
    inputs, outputs = wiring.computed_inputs(operation), wiring.outputs(operation)
    before, after = inputs[0].shape, outputs[0].shape
    if len(before) not in _LAYOUT_DIMENSIONS:
        return False
    return after in ((before[0], *before[2:], before[1]), (before[0], before[-1], *before[1:-1]))


def _faces_caller(operation: OperationRecord, promise: Promise, wiring: Wiring) -> bool:
    """True between the kernels and an input or output that is NCHW; conversions of the type are not counted.

    Images are NCHW where the layout says so; signals and sequences always: a reshape makes images of height 1 of them.
    """
    tensors = [*wiring.computed_inputs(operation), *wiring.outputs(operation)]
    if any(len(tensor.shape) != _IMAGE_DIMENSIONS for tensor in tensors):
        return False
    ends = [*_given(operation, wiring), *_returned(operation, wiring)]
    return any(len(end.shape) != _IMAGE_DIMENSIONS or promise.layout == "nchw" for end in ends)


def _given(operation: OperationRecord, wiring: Wiring) -> list[TensorRecord]:
    """The inputs of the file that the operation reads, but for conversions and reshapes between."""
    ends = []
    for tensor in wiring.computed_inputs(operation):
        maker = wiring.producer.get(tensor.index)
        if tensor.role == "input":
            ends.append(tensor)
        elif maker is not None and _only_passes(maker):
            ends += _given(maker, wiring)
    return ends


def _returned(operation: OperationRecord, wiring: Wiring) -> list[TensorRecord]:
    """The outputs of the file that the operation makes, but for conversions and reshapes between."""
    ends = []
    for tensor in wiring.outputs(operation):
        reader = wiring.reader_of(tensor)
        if tensor.role == "output":
            ends.append(tensor)
        elif reader is not None and _only_passes(reader):
            ends += _returned(reader, wiring)
    return ends


def _only_passes(operation: OperationRecord) -> bool:
    return any(kind(operation) for kind in (is_quantize, is_dequantize, is_cast, is_reshape))


RULES.register(CODE)(Rule("no operation only reorders dimensions, but where the promised layout needs it", check))
