"""What the Edge TPU compiler demands of an operation: one function a demand, which says what is wrong or None.

Source: the known limitations in the table of `supported`. Limits that the table only hints at ("certain reshapes might
not be mapped for large tensor sizes") cannot be judged from a file; they are the compiler's own to say.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from edgebuild.check.census.model import OperationRecord, TensorRecord
from edgebuild.check.wiring import STORED, Wiring

Condition = Callable[[OperationRecord, Wiring], str | None]
"""(operation, graph) -> what is wrong with it, as the rest of a sentence; None where nothing is."""

SOFTMAX_ELEMENTS = 16_000
DIMENSIONS = 3
"""Only the innermost three dimensions of a tensor may be larger than 1."""
DEPTH_MULTIPLE = 4
FUSED_ACTIVATIONS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT")
"""The schema's numbers."""

_INTEGER = frozenset({"int8", "uint8"})
_RECURRENT = frozenset({"LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM"})
"""They keep a state of 16 bits inside, which no caller sees."""


def eight_bits(operation: OperationRecord, wiring: Wiring) -> str | None:
    """Activations and weights are int8 or uint8."""
    computed = [*wiring.computed_inputs(operation), *wiring.outputs(operation)]
    if operation.name in _RECURRENT:
        computed = [*wiring.computed_inputs(operation)[:1], *wiring.outputs(operation)]
    for tensor in computed:
        if tensor.dtype not in _INTEGER:
            return f"computes in {tensor.dtype}, expected int8 or uint8"
    for tensor in wiring.inputs(operation):
        if tensor.role == "weight" and tensor.dtype not in _INTEGER:
            return f"has weights in {tensor.dtype}, expected int8 or uint8"
    return None


def quantized(operation: OperationRecord, wiring: Wiring) -> str | None:
    """Every activation has a scale: integers without one are plain numbers, not quantized ones."""
    for tensor in [*wiring.computed_inputs(operation), *wiring.outputs(operation)]:
        if tensor.dtype in _INTEGER and not tensor.scale:
            return f"works on {tensor.dtype} that has no scale, expected quantized values"
    return None


def static(operation: OperationRecord, wiring: Wiring) -> str | None:
    """Shapes are known before the file runs."""
    for tensor in [*wiring.computed_inputs(operation), *wiring.outputs(operation)]:
        if any(size < 1 for size in tensor.shape):
            return f"has a dynamic shape {list(tensor.shape)}"
    return None


def three_dimensions(operation: OperationRecord, wiring: Wiring) -> str | None:
    """Only the innermost three dimensions are larger than 1."""
    for tensor in [*wiring.computed_inputs(operation), *wiring.outputs(operation)]:
        if any(size > 1 for size in tensor.shape[:-DIMENSIONS]):
            return f"has shape {list(tensor.shape)}: only the innermost {DIMENSIONS} dimensions may be larger than 1"
    return None


def has_result(operation: OperationRecord, wiring: Wiring) -> str | None:
    """The operation makes something."""
    return None if wiring.outputs(operation) else "makes no tensor"


EVERY: tuple[Condition, ...] = (has_result, eight_bits, quantized, static, three_dimensions)
"""What is demanded of every operation; the first is what the others rely on."""


def no_fused_activation(operation: OperationRecord, wiring: Wiring) -> str | None:
    """No activation function is part of the operation."""
    fused = int(operation.options.get("fusedActivationFunction", 0))
    if not fused:
        return None
    name = FUSED_ACTIVATIONS[fused] if fused < len(FUSED_ACTIVATIONS) else str(fused)
    return f"has a fused activation ({name}), expected none"


def same_dilation(operation: OperationRecord, wiring: Wiring) -> str | None:
    """Dilation is the same in height and width."""
    height, width = (int(operation.options.get(f"dilation{axis}Factor", 1)) for axis in "HW")
    return None if height == width else f"is dilated by {height} in height and {width} in width, expected the same"


def constant_weights(operation: OperationRecord, wiring: Wiring) -> str | None:
    """Weights and biases are in the file."""
    computed = wiring.computed_inputs(operation)
    return f"has weights that are computed ({computed[1].name}), expected constants" if len(computed) > 1 else None


def one_scale_of_weights(operation: OperationRecord, wiring: Wiring) -> str | None:
    """The weight has one scale: FULLY_CONNECTED with one a channel is younger than the compiler."""
    for tensor in wiring.inputs(operation):
        if tensor.role == "weight" and len(tensor.scale) > 1:
            return f"has {len(tensor.scale)} scales of its weight, one a channel; expected one for the whole tensor"
    return None


def default_weights_format(operation: OperationRecord, wiring: Wiring) -> str | None:
    """Weights lie in the schema's default order."""
    chosen = int(operation.options.get("weightsFormat", 0))
    return f"has weights in format {chosen}, expected the default" if chosen else None


def one_dimensional_output(operation: OperationRecord, wiring: Wiring) -> str | None:
    """Only the last dimension of the output is larger than 1."""
    shape = wiring.outputs(operation)[0].shape
    if math.prod(shape[:-1]) <= 1:
        return None
    return f"has an output of shape {list(shape)}, expected one dimension larger than 1"


def softmax_of_one_dimension(operation: OperationRecord, wiring: Wiring) -> str | None:
    """Softmax runs over one vector of at most 16,000 elements."""
    for tensor in wiring.computed_inputs(operation):
        elements = math.prod(tensor.shape)
        if elements > SOFTMAX_ELEMENTS:
            return f"has {elements} elements, at most {SOFTMAX_ELEMENTS} are supported"
        if math.prod(tensor.shape[:-1]) > 1:
            return f"has an input of shape {list(tensor.shape)}, expected one dimension larger than 1"
    return None


def concatenates_few_constants(operation: OperationRecord, wiring: Wiring) -> str | None:
    """A constant among the inputs may only be one of two, and all zero: padding by another name."""
    inputs = wiring.inputs(operation)
    stored = [tensor for tensor in inputs if tensor.role in STORED]
    if not stored:
        return None
    if len(inputs) == 2:
        values = [tensor for tensor in stored if tensor.sparsity is not None and tensor.sparsity < 1]
        return f"joins a constant ({values[0].name}) that is not all zero, expected zeros" if values else None
    return f"has a constant ({stored[0].name}) among {len(inputs)} inputs, expected 2 inputs where one is constant"


def constant_axes(operation: OperationRecord, wiring: Wiring) -> str | None:
    """The axes of a reduction are in the file."""
    return None if _axes(operation, wiring) else "has no constant axes to reduce over"


def no_batch_axis(operation: OperationRecord, wiring: Wiring) -> str | None:
    """No reduction over the batch dimension."""
    return "reduces the batch dimension" if 0 in _axes(operation, wiring) else None


def depth_of_four(operation: OperationRecord, wiring: Wiring) -> str | None:
    """A mean over channels needs a multiple of four of them."""
    shape = _data(operation, wiring).shape
    if len(shape) - 1 not in _axes(operation, wiring) or shape[-1] % DEPTH_MULTIPLE == 0:
        return None
    return f"reduces {shape[-1]} channels, expected a multiple of {DEPTH_MULTIPLE}"


def no_batch_option(operation: OperationRecord, wiring: Wiring) -> str | None:
    """Nothing is packed along the batch dimension."""
    rank = len(wiring.outputs(operation)[0].shape)
    return "packs along the batch dimension" if int(operation.options.get("axis", 0)) % max(rank, 1) == 0 else None


def no_batch_split(operation: OperationRecord, wiring: Wiring) -> str | None:
    """Nothing is split along the batch dimension; the axis is the first input."""
    shape = _data(operation, wiring).shape
    axes = _stored_values(operation, wiring)
    return "splits the batch dimension" if axes and axes[0] % max(len(shape), 1) == 0 else None


def no_batch_padding(operation: OperationRecord, wiring: Wiring) -> str | None:
    """Nothing is padded along the batch dimension."""
    return "pads the batch dimension" if any(_stored_values(operation, wiring)[:2]) else None


def one_dimensional_alpha(operation: OperationRecord, wiring: Wiring) -> str | None:
    """The slopes of PReLU are one a channel."""
    for tensor in wiring.inputs(operation):
        if tensor.role in STORED and math.prod(tensor.shape[:-1]) > 1:
            return f"has slopes of shape {list(tensor.shape)}, expected one a channel"
    return None


def unit_strides(operation: OperationRecord, wiring: Wiring) -> str | None:
    """All strides are 1, without an ellipsis or a new axis."""
    stored = [tensor for tensor in wiring.inputs(operation) if tensor.role in STORED]
    strides = stored[-1].values if stored else ()
    if any(stride != 1 for stride in strides):
        return f"has strides {list(strides)}, expected 1 everywhere"
    masks = [name for name in ("ellipsisMask", "newAxisMask") if operation.options.get(name)]
    return f"has a mask ({masks[0]}), expected none" if masks else None


def _data(operation: OperationRecord, wiring: Wiring) -> TensorRecord:
    computed = wiring.computed_inputs(operation)
    return computed[0] if computed else wiring.outputs(operation)[0]


def _stored_values(operation: OperationRecord, wiring: Wiring) -> tuple[int, ...]:
    return next((tensor.values for tensor in wiring.inputs(operation) if tensor.values), ())


def _axes(operation: OperationRecord, wiring: Wiring) -> frozenset[int]:
    rank = len(_data(operation, wiring).shape)
    return frozenset(axis % rank for axis in _stored_values(operation, wiring)) if rank else frozenset()
