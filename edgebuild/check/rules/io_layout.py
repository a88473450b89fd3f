"""Rule `io-layout`: inputs have the shape that the promised layout gives them."""

from __future__ import annotations

from edgebuild.check.census.model import Census
from edgebuild.check.finding import Finding
from edgebuild.check.promise import Promise
from edgebuild.check.rule import Rule
from edgebuild.config.registries import RULES

CODE = "io-layout"

_IMAGE_DIMENSIONS = 4


def check(census: Census, promise: Promise, layers: tuple[str, ...]) -> list[Finding]:
    """Compare the shape of every input, the batch dimension excepted."""
    if not promise.input_shapes:
        return []
    if len(census.inputs) != len(promise.input_shapes):
        return [Finding(CODE, f"{len(census.inputs)} inputs found, {len(promise.input_shapes)} promised")]
    findings = []
    for record, shape in zip(census.inputs, promise.input_shapes, strict=True):
        expected = in_layout(shape, promise.layout)
        if record.shape[1:] != expected[1:]:
            message = f"input {record.name}: {promise.layout} promised, so {list(expected)}; {list(record.shape)} found"
            findings.append(Finding(CODE, message))
    return findings


def in_layout(shape: tuple[int, ...], layout: str) -> tuple[int, ...]:
    """The NCHW `shape` as a caller of `layout` sees it; only 4-D tensors change."""
    if layout == "nhwc" and len(shape) == _IMAGE_DIMENSIONS:
        batch, channels, height, width = shape
        return (batch, height, width, channels)
    return shape


RULES.register(CODE)(Rule("inputs have the shape that the promised layout gives them", check))
