"""The operations that can be compiled, and for each the types and forms that its kernels compute exactly."""

from __future__ import annotations

from dataclasses import dataclass

from edgebuild.export.c.checks import (
    Check,
    activation,
    alone,
    constants,
    convolution_shape,
    first_problem,
    float_edge,
    int8,
    mean_groups,
    no_activation,
    options_off,
    quantize_types,
    rank,
    same_quantization,
    same_types,
    small_sizes,
    softmax_depth,
    sum_fits,
    table_types,
    weights,
    zero_point,
)


@dataclass(frozen=True)
class Operation:
    """What is accepted of one operation; `supported` is that in words."""

    supported: str
    problem: Check


_WEIGHTS = "int8 with constant int8 or int4 weights, fused activation none, RELU, RELU_N1_TO_1 or RELU6"
_CONVOLUTION = Operation(
    _WEIGHTS, first_problem(rank(4), int8(1), weights, small_sizes, activation, convolution_shape, sum_fits)
)
_BINARY = Operation("int8, fused activation none, RELU, RELU_N1_TO_1 or RELU6", first_problem(int8(), activation))
_POOL = Operation("int8 with 4 axes", first_problem(rank(4), int8(), small_sizes, activation, same_quantization(1)))
_TABLE = Operation("int8", first_problem(int8(), table_types))
_VIEW = Operation("any type, with a constant shape", alone)
_MOVED = "int8, uint8 or float32, input and output of one type and scale"

OPERATIONS: dict[str, Operation] = {
    "CONV_2D": _CONVOLUTION,
    "DEPTHWISE_CONV_2D": _CONVOLUTION,
    "FULLY_CONNECTED": Operation(
        _WEIGHTS, first_problem(int8(1), weights, activation, options_off("weightsFormat"), sum_fits)
    ),
    "TRANSPOSE_CONV": Operation(
        "int8 with constant int8 or int4 weights, no fused activation",
        first_problem(rank(4), int8(1), weights, small_sizes, no_activation, sum_fits),
    ),
    "ADD": _BINARY,
    "SUB": _BINARY,
    "MUL": _BINARY,
    "PRELU": Operation("int8", int8()),
    "AVERAGE_POOL_2D": _POOL,
    "MAX_POOL_2D": _POOL,
    "MEAN": Operation(
        "int8 with constant axes that form at most two groups", first_problem(int8(1), constants(1), mean_groups)
    ),
    "SOFTMAX": Operation(
        "int8 with output scale 1/256 and zero point -128, at most 4095 values a row",
        first_problem(int8(), zero_point(-128), softmax_depth),
    ),
    "LOGISTIC": Operation("int8 with output zero point -128", first_problem(int8(), zero_point(-128))),
    "TANH": Operation("int8 with output zero point 0", first_problem(int8(), zero_point(0))),
    "RELU": _TABLE,
    "RELU6": _TABLE,
    "LEAKY_RELU": _TABLE,
    "HARD_SWISH": _TABLE,
    "QUANTIZE": Operation("int8, uint8 or float32 to int8 or uint8", quantize_types),
    "DEQUANTIZE": Operation("int8 or uint8 to float32", float_edge),
    "PAD": Operation("int8 with constant paddings", first_problem(int8(1), constants(1), same_quantization(1))),
    "PADV2": Operation(
        "int8 with constant paddings and value", first_problem(int8(1), constants(1, 2), same_quantization(1))
    ),
    "CONCATENATION": Operation(
        f"{_MOVED}, no fused activation", first_problem(same_types(), same_quantization(), no_activation)
    ),
    "SPLIT": Operation(_MOVED, first_problem(same_types(1), same_quantization(1), constants(1))),
    "SPLIT_V": Operation(_MOVED, first_problem(same_types(1), same_quantization(1), constants(1, 2))),
    "SLICE": Operation(_MOVED, first_problem(same_types(1), same_quantization(1), constants(1, 2))),
    "STRIDED_SLICE": Operation(
        f"{_MOVED}, constant bounds, without ellipsis or new axes",
        first_problem(
            same_types(1),
            same_quantization(1),
            constants(1, 2, 3),
            options_off("ellipsisMask", "newAxisMask", "offset"),
        ),
    ),
    "TRANSPOSE": Operation(_MOVED, first_problem(same_types(1), same_quantization(1), constants(1))),
    "RESIZE_NEAREST_NEIGHBOR": Operation(
        "int8 with 4 axes", first_problem(rank(4), int8(1), small_sizes, same_quantization(1), constants(1))
    ),
    "RESHAPE": _VIEW,
    "SQUEEZE": _VIEW,
    "EXPAND_DIMS": _VIEW,
}
