"""Rule `undelegated-op`: every operation of an ExecuTorch file runs in a delegate."""

from __future__ import annotations

from edgebuild.check.census.model import Census, OperationRecord
from edgebuild.check.finding import Finding
from edgebuild.check.kinds import is_cast, is_dequantize, is_quantize
from edgebuild.check.promise import Promise
from edgebuild.check.rule import Rule
from edgebuild.check.wiring import Wiring
from edgebuild.check.wording import count, layers_of, listing, of_total
from edgebuild.config.registries import RULES
from edgebuild.runtime.ethos_u_payload import BACKEND as ETHOS_U

CODE = "undelegated-op"
_FOR_ACCELERATOR = ("executorch-ethos-u",)
"""Formats whose delegates are not the host's: how much slower the core is, nobody measured."""


def check(census: Census, promise: Promise, layers: tuple[str, ...]) -> list[Finding]:
    """Find operations that fall back on ExecuTorch's portable kernels; casts at the caller's border are a note only."""
    if census.format != "pte":
        return []
    wiring = Wiring(census)
    portable = [operation for operation in census.operations if operation.delegate is None]
    casts = [operation for operation in portable if _casts_for_caller(operation, wiring)]
    left = [operation for operation in portable if operation not in casts]
    findings = []
    if left:
        named = listing(dict.fromkeys(f"{operation.name} {wiring.whereabouts(operation)}" for operation in left))
        subject = of_total(len(left), len(census.operations), "operation", verbs=("runs", "run"))
        message = f"{subject} on portable kernels, {_cost(promise)} ({named})"
        findings.append(Finding(CODE, message, layers_of(left, layers)))
    if casts:
        message = (
            f"{count(len(casts), 'cast')} between the caller's {promise.io} and the type inside, on portable kernels"
        )
        findings.append(Finding(CODE, message, severity="note"))
    return findings


def _cost(promise: Promise) -> str:
    if promise.format in _FOR_ACCELERATOR:
        return "which the accelerator's figures leave out"
    return "about 100 times slower than a delegate"


def _casts_for_caller(operation: OperationRecord, wiring: Wiring) -> bool:
    inputs, outputs = wiring.computed_inputs(operation), wiring.outputs(operation)
    conversion = is_quantize(operation) or is_dequantize(operation)
    converts = is_cast(operation) or (conversion and _beside_ethos_u(operation, wiring))
    if not converts or not inputs or not outputs:
        return False
    at_border = inputs[0].role == "input" or outputs[0].role == "output"
    return at_border and inputs[0].dtype != outputs[0].dtype


def _beside_ethos_u(operation: OperationRecord, wiring: Wiring) -> bool:
    """True where an Ethos-U, which knows integers only, reads or gives what the operation converts."""
    makers = [wiring.producer[index] for index in operation.inputs if index in wiring.producer]
    readers = [reader for index in operation.outputs for reader in wiring.consumers.get(index, ())]
    return any(neighbour.delegate == ETHOS_U for neighbour in (*makers, *readers))


RULES.register(CODE)(Rule("every operation of an ExecuTorch file runs in a delegate", check))
