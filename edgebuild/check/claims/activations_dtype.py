"""Claim `activations_dtype` {dtype, except?}: what the operations hand to each other has this type."""

from __future__ import annotations

from collections import Counter
from typing import Any

from edgebuild.check.census.model import Census, TensorRecord
from edgebuild.check.claim import ClaimChecker, ClaimResult
from edgebuild.check.finding import Finding
from edgebuild.check.kinds import is_dequantize
from edgebuild.check.layer_types import computes_in_float
from edgebuild.check.selection import parameter
from edgebuild.check.wiring import Wiring
from edgebuild.check.wording import layers_of, of_total, places
from edgebuild.config.registries import CLAIMS

CODE = "float-activations"
"""The code of the rule that sees the same, so that one `allow:` entry covers both."""

_INDICES = frozenset({"int32", "int64", "bool"})
"""Shapes, axes and indices computed at run time are no activations in the sense of a quantizer."""


def check(census: Census, claim: dict[str, Any]) -> ClaimResult:
    """Count the activations that have the claimed type; what the layers in `except` compute in float is left out."""
    dtype = parameter(claim, "dtype")
    wiring = Wiring(census)
    floating = computes_in_float(census, wiring, claim.get("except", ()))
    activations = [
        tensor
        for tensor in census.tensors
        if tensor.role == "activation"
        and tensor.dtype not in _INDICES
        and not _is_float_by_need(tensor, wiring, floating)
    ]
    other = [tensor for tensor in activations if tensor.dtype != dtype]
    evidence = f"{len(activations) - len(other)} of {len(activations)} activations {dtype}"
    if not activations:
        return _by_interface(census, dtype, claim)
    if not other:
        return ClaimResult(evidence)
    types = " and ".join(sorted(Counter(tensor.dtype for tensor in other)))
    subject = of_total(len(other), len(activations), "activation")
    message = f"{claim['step']}: {subject} {types}, not {dtype} ({places(other)})"
    return ClaimResult(evidence, (Finding(CODE, message, layers_of(other, ())),))


def _is_float_by_need(tensor: TensorRecord, wiring: Wiring, floating: frozenset[int]) -> bool:
    """True for what is floating point because of its neighbour: the caller, or an operation behind a dequantize.

    So is what an operation makes that may compute in floating point.

    An operation that computes in floating point is counted by what it makes itself.
    """
    maker = wiring.producer.get(tensor.index)
    is_decoded = maker is not None and (is_dequantize(maker) or maker.index in floating)
    return is_decoded or wiring.is_given(tensor) or wiring.is_returned(tensor)


def _by_interface(census: Census, dtype: str, claim: dict[str, Any]) -> ClaimResult:
    """A file of one operation has no tensor between operations: its inputs and outputs are all there is."""
    other = [record for record in (*census.inputs, *census.outputs) if record.dtype != dtype]
    evidence = f"no activation between operations; inputs and outputs {'not all ' if other else ''}{dtype}"
    if not other:
        return ClaimResult(evidence)
    message = f"{claim['step']}: no {dtype} activation found; {other[0].name} is {other[0].dtype}"
    return ClaimResult(evidence, (Finding(CODE, message),))


CLAIMS.register("activations_dtype")(ClaimChecker(check))
