"""Rule `quantized-weights`: a floating-point file that was asked for has no quantized weights."""

from __future__ import annotations

from edgebuild.check.census.model import Census
from edgebuild.check.finding import Finding
from edgebuild.check.promise import Promise
from edgebuild.check.rule import Rule
from edgebuild.check.wording import layers_of, of_total, places
from edgebuild.config.registries import RULES

CODE = "quantized-weights"

_NARROWER = {
    "fp32": frozenset({"float16", "bfloat16", "int16", "int8", "uint8", "int4", "int2"}),
    "fp16": frozenset({"int8", "uint8", "int4", "int2"}),
}


def check(census: Census, promise: Promise, layers: tuple[str, ...]) -> list[Finding]:
    """Find weights that are narrower than the floating type asked for."""
    narrower = _NARROWER.get(promise.dtype, frozenset())
    left = [tensor for tensor in census.weights if tensor.dtype in narrower]
    if not left:
        return []
    types = " and ".join(sorted({tensor.dtype for tensor in left}))
    subject = of_total(len(left), len(census.weights), "weight tensor")
    return [Finding(CODE, f"{promise.dtype} asked: {subject} {types} ({places(left)})", layers_of(left, layers))]


RULES.register(CODE)(Rule("a floating-point file has no quantized weights", check))
