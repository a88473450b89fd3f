"""Rule `wrong-size`: the stored weights are as small as their promised type makes them."""

from __future__ import annotations

import math

from edgebuild.check.census.model import Census
from edgebuild.check.finding import Finding
from edgebuild.check.layer_types import owner
from edgebuild.check.promise import Promise
from edgebuild.check.rule import Rule
from edgebuild.check.wording import layers_of, places
from edgebuild.config.registries import RULES
from edgebuild.figure import format_value

CODE = "wrong-size"

_FLOAT32_BYTES = 4
_LARGEST_RATIO = {
    "fp16": 0.6,
    "int8": 1 / 3,
    "int16x8": 1 / 3,
    "int8-dynamic": 1 / 3,
    "int8-weight-only": 1 / 3,
    "int4-dynamic": 1 / 3,
    "int4-weight-only": 1 / 3,
}
"""asked -> stored bytes over the bytes of the same weights in float32, with room for a few small layers"""


def check(census: Census, promise: Promise, layers: tuple[str, ...]) -> list[Finding]:
    """Compare the bytes of weights with what they would be in float32; layers of a type of their own do not count."""
    largest = _LARGEST_RATIO.get(promise.dtype)
    weights = [tensor for tensor in census.weights if owner(tensor.layer, promise.layer_types) is None]
    float_bytes = sum(_FLOAT32_BYTES * math.prod(tensor.shape) for tensor in weights)
    if largest is None or not float_bytes:
        return []
    stored = sum(tensor.bytes for tensor in weights)
    if stored <= largest * float_bytes:
        return []
    wide = sorted(
        (tensor for tensor in weights if tensor.bytes > largest * _FLOAT32_BYTES * math.prod(tensor.shape)),
        key=lambda tensor: -tensor.bytes,
    )
    message = (
        f"{promise.dtype} asked: the weights take {format_value(stored, 'B')}, {stored / float_bytes:.2f} of float32; "
        f"at most {largest:.2f} expected (largest: {places(wide)})"
    )
    return [Finding(CODE, message, layers_of(wide, layers))]


RULES.register(CODE)(Rule("the stored weights are as small as their promised type makes them", check))
