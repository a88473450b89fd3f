"""Checks of one node: each says what is wrong with it in words for the user, or None."""

from __future__ import annotations

from collections.abc import Callable

from edgebuild.export.c.activation import NONE, REAL_RANGES
from edgebuild.export.c.convolution import convolution_of
from edgebuild.export.c.graph import Node, Tensor
from edgebuild.export.c.shapes import reduction_groups

Check = Callable[[Node], str | None]
"""What is wrong with a node, or None."""

ACCUMULATOR_LIMIT = 2**30
"""A sum must stay below it: the rounding that follows then never overflows 32 bits."""

SOFTMAX_DEPTH = 4096
"""Exponentials have 19 fractional bits when they are summed: so many fit into 31."""

LARGEST_SIZE = 32767
"""Of an axis of an image."""

EIGHT_BITS = {"int8", "uint8"}


def first_problem(*checks: Check) -> Check:
    """All checks, in order."""

    def problem(node: Node) -> str | None:
        return next((found for check in checks if (found := check(node)) is not None), None)

    return problem


def _tensors(node: Node, inputs: int | None) -> list[Tensor]:
    return [*(tensor for tensor in node.inputs[:inputs] if tensor is not None), *node.outputs]


def _unfit(tensor: Tensor, *dtypes: str) -> str | None:
    """A problem unless the tensor has one of the dtypes and, if they are of 8 bits, one scale."""
    if tensor.dtype not in dtypes:
        return f"tensor {tensor.name!r} is {tensor.dtype}, expected {' or '.join(dtypes)}"
    if tensor.dtype not in EIGHT_BITS:
        return None
    if tensor.quantization is None:
        return f"tensor {tensor.name!r} has no scale"
    if len(tensor.quantization.scales) != 1:
        return f"tensor {tensor.name!r} has a scale per channel, expected one for the tensor"
    return None


def int8(inputs: int | None = None) -> Check:
    """The first `inputs` inputs (all) and the outputs are int8 with one scale each."""

    def problem(node: Node) -> str | None:
        return next((found for tensor in _tensors(node, inputs) if (found := _unfit(tensor, "int8"))), None)

    return problem


def same_types(inputs: int | None = None) -> Check:
    """The first `inputs` inputs (all) and the outputs have one type that can be moved."""

    def problem(node: Node) -> str | None:
        for tensor in _tensors(node, inputs):
            found = _unfit(tensor, "int8", "uint8", "float32")
            if found is None and tensor.dtype != node.input.dtype:
                found = f"tensor {tensor.name!r} is {tensor.dtype}, expected {node.input.dtype} as the input"
            if found is not None:
                return found
        return None

    return problem


def same_quantization(inputs: int | None = None) -> Check:
    """Inputs and outputs have one scale and zero point: what is moved keeps its meaning."""

    def problem(node: Node) -> str | None:
        tensors = [tensor for tensor in _tensors(node, inputs) if tensor.dtype in EIGHT_BITS]
        for tensor in tensors:
            if (tensor.scale, tensor.zero_point) != (tensors[0].scale, tensors[0].zero_point):
                wanted = f"scale {tensors[0].scale:.6g} and zero point {tensors[0].zero_point} of {tensors[0].name!r}"
                found = f"scale {tensor.scale:.6g} and zero point {tensor.zero_point}"
                return f"tensor {tensor.name!r} has {found}, expected {wanted}"
        return None

    return problem


def rank(size: int) -> Check:
    """The input has so many axes."""

    def problem(node: Node) -> str | None:
        shape = node.input.shape
        return None if len(shape) == size else f"tensor {node.input.name!r} has the shape {shape}, expected {size} axes"

    return problem


def constants(*indices: int) -> Check:
    """These inputs stand in the file, where they are given."""

    def problem(node: Node) -> str | None:
        for index in indices:
            tensor = node.inputs[index] if index < len(node.inputs) else None
            if tensor is not None and tensor.data is None:
                return f"tensor {tensor.name!r} is computed at run time, expected a constant"
        return None

    return problem


def mean_groups(node: Node) -> str | None:
    """The axes of a MEAN can be taken together to two at most, and its sums fit."""
    if reduction_groups(node) is None:
        return f"its axes form more than two groups in the shape {node.input.shape}"
    bound = 255 * node.input.elements
    return None if bound < ACCUMULATOR_LIMIT else f"its sums may reach {bound}, expected less than {ACCUMULATOR_LIMIT}"


def alone(node: Node) -> str | None:
    """A view of a computed value."""
    return None if node.input.data is None else f"tensor {node.input.name!r} is a constant, expected a computed value"


def activation(node: Node) -> str | None:
    """The fused activation function is a clamp."""
    function = int(node.options.get("fusedActivationFunction", NONE))
    return None if function in REAL_RANGES else f"its fused activation function is number {function}"


def no_activation(node: Node) -> str | None:
    """There is no fused activation function."""
    function = int(node.options.get("fusedActivationFunction", NONE))
    return None if function == NONE else f"its fused activation function is number {function}, expected none"


def options_off(*names: str) -> Check:
    """These options are 0."""

    def problem(node: Node) -> str | None:
        return next((f"its option {name} is set, expected 0" for name in names if node.options.get(name)), None)

    return problem


def zero_point(wanted: int) -> Check:
    """The output has this zero point."""

    def problem(node: Node) -> str | None:
        found = node.output.zero_point
        return None if found == wanted else f"tensor {node.output.name!r} has the zero point {found}, expected {wanted}"

    return problem


def weights(node: Node) -> str | None:
    """Weights and bias of a convolution or matrix product."""
    tensor = node.inputs[1]
    if tensor is None or tensor.data is None:
        return "its weights are computed at run time, expected constants"
    if tensor.dtype not in {"int8", "int4"}:
        return f"tensor {tensor.name!r} is {tensor.dtype}, expected int8 or int4"
    if tensor.quantization is None:
        return f"tensor {tensor.name!r} has no scale"
    if any(tensor.quantization.zero_points):
        return f"tensor {tensor.name!r} has a zero point other than 0"
    axis = tensor.quantization.axis
    if axis is not None and axis != (3 if node.op == "DEPTHWISE_CONV_2D" else 0):
        return f"tensor {tensor.name!r} has its scales along axis {axis}, expected the axis of the output channels"
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    if bias is not None and (bias.data is None or bias.dtype != "int32"):
        kind = bias.dtype if bias.data is not None else f"{bias.dtype} computed at run time"
        return f"tensor {bias.name!r} is {kind}, expected a constant int32"
    return None


def convolution_shape(node: Node) -> str | None:
    """Channels divide evenly."""
    tensor = node.inputs[1]
    assert tensor is not None
    channels, out_c = node.input.shape[3], node.output.shape[3]
    if node.op == "DEPTHWISE_CONV_2D":
        return None if out_c % channels == 0 else f"its {out_c} output channels are no multiple of {channels} inputs"
    groups = channels // tensor.shape[3]
    if channels % tensor.shape[3] or out_c % groups:
        return f"its {channels} input and {out_c} output channels do not form groups of {tensor.shape[3]} inputs"
    return None


def small_sizes(node: Node) -> str | None:
    """Sizes of images and windows fit the 16 bits that tables give them."""
    weights = node.inputs[1] if len(node.inputs) > 1 else None
    for tensor in (node.input, node.output, weights):
        if tensor is not None and max(tensor.shape, default=0) > LARGEST_SIZE:
            return f"tensor {tensor.name!r} has the shape {tensor.shape}, expected sizes up to {LARGEST_SIZE}"
    return None


def sum_fits(node: Node) -> str | None:
    """No sum can leave the range in which rounding is exact in 32 bits."""
    bound = convolution_of(node).accumulator_bound
    limit = ACCUMULATOR_LIMIT
    return None if bound < limit else f"its sums may reach {bound}, expected less than {limit}"


def softmax_depth(node: Node) -> str | None:
    """Rows are short enough, and the output has the one scale that is computed."""
    depth = node.input.shape[-1] if node.input.shape else 1
    if depth >= SOFTMAX_DEPTH:
        return f"its rows have {depth} values, expected fewer than {SOFTMAX_DEPTH}"
    scale = node.output.scale
    return None if abs(scale * 256 - 1) < 1e-3 else f"tensor {node.output.name!r} has the scale {scale:.6g}"


def table_types(node: Node) -> str | None:
    """HARD_SWISH is defined only for outputs that are not much finer than the input."""
    if node.op == "HARD_SWISH" and node.input.scale / 128 > node.output.scale:
        return f"tensor {node.output.name!r} has a scale 128 times finer than its input's"
    return None


def quantize_types(node: Node) -> str | None:
    """Between integers of 8 bits, or from float."""
    return _unfit(node.input, "int8", "uint8", "float32") or _unfit(node.output, "int8", "uint8")


def float_edge(node: Node) -> str | None:
    """From 8 bits to float."""
    return _unfit(node.input, "int8", "uint8") or _unfit(node.output, "float32")
