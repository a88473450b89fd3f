"""The operations that can be compiled, and for each the types and forms that its kernels compute exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgebuild.export.c.activation import REAL_RANGES
from edgebuild.export.c.convolution import convolution_of
from edgebuild.export.c.graph import Node, Tensor

Check = Callable[[Node], str | None]
"""What is wrong with a node, or None."""

ACCUMULATOR_LIMIT = 2**30
"""A sum must stay below it: the rounding that follows then never overflows 32 bits."""


@dataclass(frozen=True)
class Operation:
    """What is accepted of one operation; `supported` is that in words."""

    supported: str
    problem: Check


def _named(tensor: Tensor) -> str:
    return f"tensor {tensor.name!r} is {tensor.dtype}"


def _quantized(tensor: Tensor, *dtypes: str) -> str | None:
    """A problem unless the tensor has one of the dtypes and, if they are of 8 bits, one scale."""
    if tensor.dtype not in dtypes:
        return f"{_named(tensor)}, expected {' or '.join(dtypes)}"
    if tensor.dtype in {"int8", "uint8"} and tensor.quantization is None:
        return f"tensor {tensor.name!r} has no scale"
    if tensor.dtype in {"int8", "uint8"} and tensor.quantization and len(tensor.quantization.scales) != 1:
        return f"tensor {tensor.name!r} has a scale per channel, expected one for the tensor"
    return None


def _all_int8(node: Node, inputs: int | None = None) -> str | None:
    tensors = [tensor for tensor in node.inputs[:inputs] if tensor is not None]
    for tensor in (*tensors, *node.outputs):
        found = _quantized(tensor, "int8")
        if found:
            return found
    return None


def _activation(node: Node) -> str | None:
    function = int(node.options.get("fusedActivationFunction", 0))
    return None if function in REAL_RANGES else f"fused activation function {function}, expected none, RELU or RELU6"


def _first(*checks: Check) -> Check:
    def problem(node: Node) -> str | None:
        for check in checks:
            found = check(node)
            if found is not None:
                return found
        return None

    return problem


def _int8(inputs: int | None = None) -> Check:
    return lambda node: _all_int8(node, inputs)


def _rank(size: int) -> Check:
    def problem(node: Node) -> str | None:
        shape = node.input.shape
        return None if len(shape) == size else f"tensor {node.input.name!r} has the shape {shape}, expected {size} axes"

    return problem


def _weights(node: Node) -> str | None:
    """Weights and bias of a convolution or matrix product."""
    weights = node.inputs[1]
    if weights is None or weights.data is None:
        return "its weights are computed at run time, expected constants"
    if weights.dtype not in {"int8", "int4"}:
        return f"{_named(weights)}, expected int8 or int4"
    if weights.quantization is None:
        return f"tensor {weights.name!r} has no scale"
    if any(weights.quantization.zero_points):
        return f"tensor {weights.name!r} has zero points other than 0"
    bias = node.inputs[2] if len(node.inputs) > 2 and node.op != "TRANSPOSE_CONV" else None
    if node.op == "TRANSPOSE_CONV" and len(node.inputs) > 3:
        bias = node.inputs[3]
    if bias is not None and (bias.data is None or bias.dtype != "int32"):
        return f"{_named(bias)}, expected a constant int32"
    return None


def _sum_fits(node: Node) -> str | None:
    bound = convolution_of(node).accumulator_bound
    limit = ACCUMULATOR_LIMIT
    return None if bound < limit else f"its sums may reach {bound}, expected less than {limit}"


def _constants(*indices: int) -> Check:
    def problem(node: Node) -> str | None:
        for index in indices:
            tensor = node.inputs[index] if index < len(node.inputs) else None
            if tensor is not None and tensor.data is None:
                return f"tensor {tensor.name!r} is computed at run time, expected a constant"
        return None

    return problem


CONVOLUTION = _first(_int8(1), _weights, _activation)

OPERATIONS: dict[str, Operation] = {
    "CONV_2D": Operation("int8 with constant int8 or int4 weights", _first(_rank(4), CONVOLUTION, _sum_fits)),
    "DEPTHWISE_CONV_2D": Operation("int8 with constant int8 or int4 weights", _first(_rank(4), CONVOLUTION, _sum_fits)),
    "FULLY_CONNECTED": Operation("int8 with constant int8 or int4 weights", _first(CONVOLUTION, _sum_fits)),
    "ADD": Operation("int8", _first(_int8(), _activation)),
    "AVERAGE_POOL_2D": Operation("int8", _first(_rank(4), _int8(), _activation)),
    "SOFTMAX": Operation("int8", _int8()),
    "RESHAPE": Operation("any type", lambda _node: None),
}
