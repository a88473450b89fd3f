"""Rule `float-weights`: every weight is stored in the type that was asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from edgebuild.check.census.model import Census, TensorRecord
from edgebuild.check.finding import Finding
from edgebuild.check.layer_types import FLOATS, owner
from edgebuild.check.promise import Promise
from edgebuild.check.rule import Rule
from edgebuild.check.wording import layers_of, of_total, places
from edgebuild.config.registries import RULES

CODE = "float-weights"

_TOO_WIDE = {
    "fp16": frozenset({"float64", "float32"}),
    "int8": FLOATS,
    "int16x8": FLOATS,
    "int8-dynamic": FLOATS,
    "int8-weight-only": FLOATS,
    "int4-dynamic": FLOATS,
    "int4-weight-only": FLOATS,
}
"""asked -> types that a weight must not have"""

_NO_DYNAMIC_KERNEL = "XNNDepthwiseConv2d"
_WHY = (
    "XNNPACK has no kernel that quantizes the activations of a depthwise convolution at run time (one of a single "
    "input channel counts as depthwise); dtype int8 quantizes it"
)


def check(census: Census, promise: Promise, layers: tuple[str, ...]) -> list[Finding]:
    """Find weights, and in full-integer files biases, that were left in a floating type and not meant to be."""
    too_wide = _TOO_WIDE.get(promise.dtype, frozenset())
    weights = tuple(tensor for tensor in census.weights if owner(tensor.layer, promise.float_layers) is None)
    findings = _findings(weights, too_wide, "weight tensor", promise, layers)
    if promise.dtype in ("int8-dynamic", "int4-dynamic"):
        findings = [_explained(finding, census) for finding in findings]
    if promise.full_integer:
        biases = tuple(
            tensor
            for tensor in census.tensors
            if tensor.role == "bias" and owner(tensor.layer, promise.float_layers) is None
        )
        findings += _findings(biases, FLOATS, "bias", promise, layers, plural="biases")
    return findings


def _findings(
    tensors: tuple[TensorRecord, ...],
    too_wide: frozenset[str],
    noun: str,
    promise: Promise,
    layers: tuple[str, ...],
    plural: str | None = None,
) -> list[Finding]:
    found = []
    for dtype in sorted(Counter(tensor.dtype for tensor in tensors if tensor.dtype in too_wide)):
        left = [tensor for tensor in tensors if tensor.dtype == dtype]
        subject = of_total(len(left), len(tensors), noun, plural)
        message = f"{promise.dtype} asked: {subject} {dtype} ({places(left)})"
        found.append(Finding(CODE, message, layers_of(left, layers)))
    return found


def _explained(finding: Finding, census: Census) -> Finding:
    """Add why, where each of the layers is one that the runtime cannot compute dynamically."""
    without = {operation.layer for operation in census.operations if operation.name == _NO_DYNAMIC_KERNEL}
    if not finding.layers or not without.issuperset(finding.layers):
        return finding
    return replace(finding, message=f"{finding.message}; {_WHY}")


RULES.register(CODE)(Rule("weights have the type asked for; in a full-integer file biases are integers", check))
