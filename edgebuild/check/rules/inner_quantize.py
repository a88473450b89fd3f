"""Rule `inner-quantize`: types change only where the caller's type meets the type inside."""

from __future__ import annotations

from dataclasses import replace

from edgebuild.check.census.model import Census, OperationRecord, TensorRecord
from edgebuild.check.finding import Finding
from edgebuild.check.kinds import is_dequantize, is_quantize
from edgebuild.check.layer_types import computes_in_float
from edgebuild.check.promise import Promise
from edgebuild.check.rule import Rule
from edgebuild.check.wiring import STORED, Wiring
from edgebuild.check.wording import count, layers_of, listing
from edgebuild.config.registries import RULES

CODE = "inner-quantize"

_COMPUTED_AT_RUN_TIME = ("int8-dynamic", "int4-dynamic")
"""Activations are quantized inside the kernels or right before them: that is what was asked for."""

_ONE_SCALE = frozenset({"CONCATENATION", "PACK", "MAXIMUM", "MINIMUM", "SELECT", "SELECT_V2", "XNNConcatenate"})
"""Operations that take integers of one scale only: branches of different ranges must be rescaled before they meet."""


def check(census: Census, promise: Promise, layers: tuple[str, ...]) -> list[Finding]:
    """Find quantize and dequantize operations that stand in the middle, or at an end whose type needs no change.

    Around layers that the plan leaves in floating point they are needed.

    A note instead of a fatal finding: integers rescaled for an operation that takes one scale only.
    """
    if census.format == "pte" and promise.dtype in _COMPUTED_AT_RUN_TIME:
        return []
    wiring = Wiring(census)
    floating = computes_in_float(census, wiring, promise.float_layers)
    inner = [
        one for one in census.operations if _is_inner(one, promise, wiring) and not _meets_float(one, wiring, floating)
    ]
    needed = [operation for operation in inner if _meets_others(operation, wiring)]
    stray = [operation for operation in inner if operation not in needed]
    why = "; what comes behind takes one scale only, and the branches that meet there have different ranges"
    notes = [replace(f, message=f.message + why, severity="note") for f in _finding(needed, wiring, layers)]
    return [*_finding(stray, wiring, layers), *notes]


def _finding(inner: list[OperationRecord], wiring: Wiring, layers: tuple[str, ...]) -> list[Finding]:
    if not inner:
        return []
    named = listing(dict.fromkeys(_describe(operation, wiring) for operation in inner))
    message = f"{count(len(inner), 'operation')} in the middle only {_change(inner)} ({named})"
    return [Finding(CODE, message, layers_of(inner, layers))]


def _change(inner: list[OperationRecord]) -> str:
    return "converts a type or a scale" if len(inner) == 1 else "convert types or scales"


def _is_inner(operation: OperationRecord, promise: Promise, wiring: Wiring) -> bool:
    if not (is_quantize(operation) or is_dequantize(operation)):
        return False
    inputs, outputs = wiring.inputs(operation), wiring.outputs(operation)
    if not inputs or not outputs:
        return True
    if inputs[0].role in STORED:
        return promise.full_integer
    at_end = wiring.is_given(inputs[0]) or wiring.is_returned(outputs[0])
    return not (at_end and inputs[0].dtype != outputs[0].dtype)


def _meets_float(operation: OperationRecord, wiring: Wiring, floating: frozenset[int]) -> bool:
    """True between integers and an operation that is meant to compute in floating point."""
    inputs, outputs = wiring.inputs(operation), wiring.outputs(operation)
    if not inputs or not outputs:
        return False
    maker = wiring.producer.get(inputs[0].index)
    readers = wiring.consumers.get(outputs[0].index, [])
    if is_quantize(operation):
        return maker is not None and maker.index in floating
    return bool(readers) and all(reader.index in floating for reader in readers)


def _meets_others(operation: OperationRecord, wiring: Wiring) -> bool:
    """True for integers of one type that are rescaled for nothing but operations that take one scale only."""
    inputs, outputs = wiring.inputs(operation), wiring.outputs(operation)
    if not inputs or not outputs or inputs[0].dtype != outputs[0].dtype:
        return False
    readers = wiring.consumers.get(outputs[0].index, [])
    return bool(readers) and all(reader.name in _ONE_SCALE for reader in readers)


def _describe(operation: OperationRecord, wiring: Wiring) -> str:
    inputs, outputs = wiring.inputs(operation), wiring.outputs(operation)
    if not inputs or not outputs:
        return f"{operation.name} {wiring.whereabouts(operation)}"
    reader = wiring.reader_of(outputs[0])
    before = f", before {reader.name}" if reader is not None else ""
    return f"{operation.name} {_type(inputs[0])} -> {_type(outputs[0])} {wiring.whereabouts(operation)}{before}"


def _type(tensor: TensorRecord) -> str:
    return f"{tensor.dtype} of scale {tensor.scale[0]:.4g}" if tensor.scale else tensor.dtype


RULES.register(CODE)(Rule("quantize and dequantize stand only where the caller's type meets the type inside", check))
