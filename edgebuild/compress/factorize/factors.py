"""The layers that factors become: their tables, and what they cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from edgebuild.compress.factorize.layers import Layer

Factor = dict[str, Any]
"""`type` (`Linear`, `Conv1d`, `Conv2d`) and the arguments of that class, as JSON values."""


def linear(inputs: int, outputs: int, *, bias: bool) -> Factor:
    """A matrix product."""
    return {"type": "Linear", "in_features": inputs, "out_features": outputs, "bias": bias}


def pointwise(layer: Layer, inputs: int, outputs: int, *, bias: bool = False) -> Factor:
    """A convolution of the layer's kind that looks at one position at a time; a matrix product for a linear layer."""
    if layer.is_linear:
        return linear(inputs, outputs, bias=bias)
    ones = [1] * len(layer.kernel)
    return {
        "type": layer.arguments["type"],
        "in_channels": inputs,
        "out_channels": outputs,
        "kernel_size": ones,
        "bias": bias,
    }


def spatial(
    layer: Layer,
    inputs: int,
    outputs: int,
    directions: Sequence[int] | None = None,
    *,
    bias: bool = False,
    groups: int = 1,
) -> Factor:
    """A convolution that does in the given directions (all without them) what the layer does, and nothing in others."""
    own, count = layer.arguments, len(layer.kernel)
    chosen = range(count) if directions is None else directions

    def only(values: Sequence[int], other: int) -> list[int]:
        return [int(values[axis]) if axis in chosen else other for axis in range(count)]

    padding = own["padding"]
    return {
        "type": own["type"],
        "in_channels": inputs,
        "out_channels": outputs,
        "kernel_size": only(layer.kernel, 1),
        "stride": only(own["stride"], 1),
        "padding": padding if isinstance(padding, str) else only(padding, 0),
        "dilation": only(own["dilation"], 1),
        "padding_mode": own["padding_mode"],
        "groups": groups,
        "bias": bias,
    }


def channels(factor: Mapping[str, Any]) -> int:
    """Output channels or features."""
    return int(factor["out_features"] if factor["type"] == "Linear" else factor["out_channels"])


def weights(factor: Mapping[str, Any]) -> int:
    """Numbers in the weight."""
    if factor["type"] == "Linear":
        return int(factor["in_features"] * factor["out_features"])
    kernel = math.prod(factor["kernel_size"])
    return int(factor["in_channels"] // factor.get("groups", 1) * factor["out_channels"] * kernel)


def parameters(factors: Sequence[Mapping[str, Any]]) -> int:
    """Numbers in the weights and biases of factors in a row."""
    return sum(weights(factor) + (channels(factor) if factor["bias"] else 0) for factor in factors)


def macs(layer: Layer, factors: Sequence[Mapping[str, Any]]) -> int:
    """Multiply-accumulates of factors in a row, for all calls of the layer together."""
    total = 0
    for batch, *sizes in layer.calls:
        now = list(sizes)
        for factor in factors:
            now = [_output_size(factor, axis, size) for axis, size in enumerate(now)]
            total += batch * math.prod(now) * weights(factor)
    return total


def _output_size(factor: Mapping[str, Any], axis: int, size: int) -> int:
    kernel = factor["kernel_size"][axis]
    stride, dilation = (factor.get(key, [1] * (axis + 1))[axis] for key in ("stride", "dilation"))
    padding = factor.get("padding", "valid")
    if padding == "same":
        return int(size)
    around = 0 if padding == "valid" else 2 * padding[axis]
    return int((size + around - dilation * (kernel - 1) - 1) // stride + 1)
