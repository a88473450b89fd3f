"""Random models of one operation, as hypothesis strategies: geometry is drawn and shrinks, values follow a seed."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.mcu.compiler.flatbuffer import ModelBuilder, Spec

SAME, VALID = 0, 1
CLAMPS = st.sampled_from([0, 1, 2, 3])
SCALES = st.sampled_from([0.0039, 0.0213, 0.1, 0.37])
POINTS = st.sampled_from([0, -128, 127, 5, -37])
SEEDS = st.integers(0, 10_000)

Draw = Any


def small(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(low, high)


def activation(draw: Draw, builder: ModelBuilder, shape: tuple[int, ...], dtype: str = "int8") -> Spec:
    """A quantized tensor of any scale and zero point."""
    point = draw(POINTS)
    return builder.tensor(shape, dtype, draw(SCALES), point + 128 if dtype == "uint8" else point)


def weights_and_bias(
    draw: Draw, builder: ModelBuilder, shape: tuple[int, ...], channels: int, axis: int, source: Spec, bits: int = 8
) -> tuple[Spec, Spec | None, float]:
    """Weights along `axis`, a bias or none, and an output scale at which the results fill the range or overflow it."""
    random = np.random.default_rng(draw(SEEDS))
    limit = 127 if bits == 8 else 7
    per_channel = draw(st.booleans())
    scales = (10.0 ** random.uniform(-3.5, -1.5, channels if per_channel else 1)).tolist()
    values = random.integers(-limit, limit + 1, shape).astype(np.int8)
    if draw(st.booleans()):
        dead = random.random(channels) < 0.4
        values = np.moveaxis(np.moveaxis(values, axis, -1) * ~dead, -1, axis).astype(np.int8)
    dtype = "int8" if bits == 8 else "int4"
    weights = builder.tensor(shape, dtype, scales if per_channel else scales[0], 0, values, axis)
    depth = int(np.prod(shape)) // channels
    spread = source.scale * float(np.median(scales)) * limit * 0.6 * 74 * np.sqrt(depth)
    output_scale = spread / 127 * draw(st.sampled_from([0.05, 0.5, 1.0, 3.0, 100.0]))
    bias = None
    if draw(st.booleans()):
        reach = draw(st.sampled_from([100, 20_000, 2**22]))
        numbers = random.integers(-reach, reach, channels).astype(np.int32)
        each = [source.scale * scale for scale in scales]
        bias = builder.tensor((channels,), "int32", each if per_channel else each[0], 0, numbers)
    return weights, bias, output_scale


def with_bias(inputs: list[Spec | None], bias: Spec | None) -> list[Spec | None]:
    return inputs if bias is None else [*inputs, bias]


def window(draw: Draw, size: int, *, dilations: bool = True) -> tuple[int, int, int, int, int]:
    """(kernel, stride, dilation, padding, output size) along one axis; the padding is drawn by the caller."""
    kernel, stride = draw(small(1, 4)), draw(small(1, 3))
    dilation = draw(small(1, 2)) if dilations else 1
    return kernel, stride, dilation, size, (kernel - 1) * dilation + 1


def output_size(size: int, reach: int, stride: int, padding: int) -> int:
    return -(-size // stride) if padding == SAME else (size - reach) // stride + 1


@st.composite
def convolution(draw: Draw, *, depthwise: bool = False, bits: int = 8) -> bytes:
    builder = ModelBuilder()
    images, padding = draw(small(1, 2)), draw(st.sampled_from([SAME, VALID]))
    sizes, kernels, strides, dilations, outs = [], [], [], [], []
    for _ in range(2):
        kernel, stride, dilation = draw(small(1, 4)), draw(small(1, 3)), draw(small(1, 2))
        reach = (kernel - 1) * dilation + 1
        size = draw(small(reach if padding == VALID else 1, 9))
        sizes.append(size)
        kernels.append(kernel)
        strides.append(stride)
        dilations.append(dilation)
        outs.append(output_size(size, reach, stride, padding))
    groups = 1 if depthwise else draw(st.sampled_from([1, 1, 1, 2, 3]))
    in_c = groups * draw(small(1, 9))
    out_c = in_c * draw(small(1, 3)) if depthwise else groups * draw(small(1, 6))
    source = activation(draw, builder, (images, *sizes, in_c))
    shape = (1, *kernels, out_c) if depthwise else (out_c, *kernels, in_c // groups)
    axis = 3 if depthwise else 0
    weights, bias, scale = weights_and_bias(draw, builder, shape, out_c, axis, source, bits)
    target = builder.tensor((images, *outs, out_c), "int8", scale, draw(POINTS))
    options: dict[str, Any] = {
        "padding": padding,
        "strideH": strides[0],
        "strideW": strides[1],
        "dilationHFactor": dilations[0],
        "dilationWFactor": dilations[1],
        "fusedActivationFunction": draw(CLAMPS),
    }
    if depthwise:
        options["depthMultiplier"] = out_c // in_c
    name = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
    builder.operate(name, with_bias([source, weights], bias), [target], 3, **options)
    return builder.build([source], [target])


@st.composite
def transpose_convolution(draw: Draw) -> bytes:
    builder = ModelBuilder()
    images, in_c, out_c = draw(small(1, 2)), draw(small(1, 5)), draw(small(1, 5))
    padding = draw(st.sampled_from([SAME, VALID]))
    sizes = [draw(small(1, 5)) for _ in range(2)]
    strides = [draw(small(1, 3)) for _ in range(2)]
    kernels = [draw(small(1, 4)) for _ in range(2)]
    outs = [
        size * stride if padding == SAME else (size - 1) * stride + max(kernel, stride)
        for size, stride, kernel in zip(sizes, strides, kernels, strict=True)
    ]
    source = activation(draw, builder, (images, *sizes, in_c))
    weights, bias, scale = weights_and_bias(draw, builder, (out_c, *kernels, in_c), out_c, 0, source)
    target = builder.tensor((images, *outs, out_c), "int8", scale, draw(POINTS))
    shape = builder.constant(target.shape)
    options = {"padding": padding, "strideH": strides[0], "strideW": strides[1]}
    version = 3 if bias else 2
    builder.operate("TRANSPOSE_CONV", with_bias([shape, weights, source], bias), [target], version, **options)
    return builder.build([source], [target])


@st.composite
def fully_connected(draw: Draw, *, bits: int = 8) -> bytes:
    builder = ModelBuilder()
    rows, depth, out_c = draw(small(1, 3)), draw(small(1, 70)), draw(small(1, 9))
    source = activation(draw, builder, (rows, depth))
    random = np.random.default_rng(draw(SEEDS))
    limit = 127 if bits == 8 else 7
    scale = draw(st.sampled_from([0.004, 0.011]))
    values = random.integers(-limit, limit + 1, (out_c, depth)).astype(np.int8)
    weights = builder.tensor((out_c, depth), "int8" if bits == 8 else "int4", scale, 0, values)
    bias = None
    if draw(st.booleans()):
        numbers = random.integers(-9000, 9000, out_c).astype(np.int32)
        bias = builder.tensor((out_c,), "int32", scale * source.scale, 0, numbers)
    spread = source.scale * scale * limit * np.sqrt(depth) * draw(st.sampled_from([0.02, 0.3, 1.0]))
    target = builder.tensor((rows, out_c), "int8", spread, draw(POINTS))
    inputs = [source, weights, bias]
    builder.operate("FULLY_CONNECTED", inputs, [target], 4, fusedActivationFunction=draw(CLAMPS))
    return builder.build([source], [target])


@st.composite
def binary(draw: Draw, name: str) -> bytes:
    """ADD, SUB, MUL: equal shapes, or one input broadcast along some axes, or a constant second input."""
    builder = ModelBuilder()
    shape = tuple(draw(st.lists(small(1, 5), min_size=1, max_size=4)))
    shrunk = tuple(1 if draw(st.booleans()) else size for size in shape)
    pair = draw(st.sampled_from([(shape, shape), (shape, shrunk), (shrunk, shape)]))
    first = activation(draw, builder, pair[0])
    inputs = [first]
    if draw(st.booleans()):
        values = np.random.default_rng(draw(SEEDS)).integers(-128, 128, pair[1]).astype(np.int8)
        second = builder.tensor(pair[1], "int8", draw(SCALES), draw(POINTS), values)
    else:
        second = activation(draw, builder, pair[1])
        inputs.append(second)
    product = first.scale * second.scale * 60 if name == "MUL" else first.scale + second.scale
    target = builder.tensor(shape, "int8", product * draw(st.sampled_from([0.6, 1.0, 2.5])), draw(POINTS))
    options = {} if name == "PRELU" else {"fusedActivationFunction": draw(CLAMPS)}
    builder.operate(name, [first, second], [target], 2, **options)
    return builder.build(inputs, [target])


@st.composite
def prelu(draw: Draw) -> bytes:
    builder = ModelBuilder()
    shape = (1, draw(small(1, 4)), draw(small(1, 4)), draw(small(1, 6)))
    source = activation(draw, builder, shape)
    alpha_shape = draw(st.sampled_from([(1, 1, shape[3]), shape[1:], (1, 1, 1)]))
    values = np.random.default_rng(draw(SEEDS)).integers(-128, 128, alpha_shape).astype(np.int8)
    alpha = builder.tensor(alpha_shape, "int8", 0.006, draw(POINTS), values)
    target = builder.tensor(shape, "int8", source.scale * draw(st.sampled_from([0.7, 1.0, 1.9])), draw(POINTS))
    builder.operate("PRELU", [source, alpha], [target])
    return builder.build([source], [target])


@st.composite
def pool(draw: Draw, name: str) -> bytes:
    builder = ModelBuilder()
    padding = draw(st.sampled_from([SAME, VALID]))
    images, channels = draw(small(1, 2)), draw(small(1, 7))
    kernels = [draw(small(1, 4)) for _ in range(2)]
    strides = [draw(small(1, 3)) for _ in range(2)]
    sizes = [draw(small(kernel if padding == VALID else 1, 8)) for kernel in kernels]
    outs = [output_size(*each, padding) for each in zip(sizes, kernels, strides, strict=True)]
    source = activation(draw, builder, (images, *sizes, channels))
    target = builder.tensor((images, *outs, channels), "int8", source.scale, source.zero_point)
    builder.operate(
        name,
        [source],
        [target],
        2,
        padding=padding,
        strideH=strides[0],
        strideW=strides[1],
        filterHeight=kernels[0],
        filterWidth=kernels[1],
        fusedActivationFunction=draw(CLAMPS),
    )
    return builder.build([source], [target])


@st.composite
def mean(draw: Draw) -> bytes:
    builder = ModelBuilder()
    shape = tuple(draw(st.lists(small(1, 6), min_size=1, max_size=4)))
    axes = draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, max_size=len(shape), unique=True))
    keep = draw(st.booleans())
    out = [1 if axis in axes else size for axis, size in enumerate(shape) if keep or axis not in axes]
    source = activation(draw, builder, shape)
    same = draw(st.booleans())
    scale = source.scale if same else source.scale * draw(st.sampled_from([0.3, 0.9, 1.7]))
    target = builder.tensor(tuple(out), "int8", scale, source.zero_point if same else draw(POINTS))
    signed = [axis - len(shape) if draw(st.booleans()) else axis for axis in axes]
    builder.operate("MEAN", [source, builder.constant(signed)], [target], 2, keepDims=keep)
    return builder.build([source], [target])


@st.composite
def softmax(draw: Draw) -> bytes:
    builder = ModelBuilder()
    shape = (draw(small(1, 3)), draw(small(1, 40)))
    source = activation(draw, builder, shape)
    target = builder.tensor(shape, "int8", 1 / 256, -128)
    builder.operate("SOFTMAX", [source], [target], 2, beta=draw(st.sampled_from([1.0, 0.5, 3.0])))
    return builder.build([source], [target])


@st.composite
def unary(draw: Draw, name: str) -> bytes:
    builder = ModelBuilder()
    source = activation(draw, builder, (1, 256))
    scale, point = source.scale * draw(st.sampled_from([0.5, 0.8, 1.0, 1.6])), draw(POINTS)
    if name in {"LOGISTIC", "TANH"}:
        scale, point = (1 / 256, -128) if name == "LOGISTIC" else (1 / 128, 0)
    target = builder.tensor((1, 256), "int8", scale, point)
    options = {"alpha": draw(st.sampled_from([0.01, 0.3, 1.5, -0.4]))} if name == "LEAKY_RELU" else {}
    builder.operate(name, [source], [target], **options)
    return builder.build([source], [target])


@st.composite
def quantize(draw: Draw) -> bytes:
    """Between the types that a model may have at its edges."""
    builder = ModelBuilder()
    kinds = [("int8", "int8"), ("int8", "uint8"), ("uint8", "int8"), ("float32", "int8"), ("int8", "float32")]
    before, after = draw(st.sampled_from(kinds))
    shape = (1, draw(small(1, 300)))
    source = builder.tensor(shape, before) if before == "float32" else activation(draw, builder, shape, before)
    target = builder.tensor(shape, after) if after == "float32" else activation(draw, builder, shape, after)
    builder.operate("DEQUANTIZE" if after == "float32" else "QUANTIZE", [source], [target], 2)
    return builder.build([source], [target])


@st.composite
def pad(draw: Draw) -> bytes:
    builder = ModelBuilder()
    shape = tuple(draw(st.lists(small(1, 5), min_size=1, max_size=4)))
    amounts = [[draw(small(0, 3)), draw(small(0, 3))] for _ in shape]
    source = activation(draw, builder, shape)
    out = tuple(size + sum(each) for size, each in zip(shape, amounts, strict=True))
    target = builder.tensor(out, "int8", source.scale, source.zero_point)
    inputs = [source, builder.constant(amounts)]
    name = draw(st.sampled_from(["PAD", "PADV2"]))
    if name == "PADV2":
        value = np.array([draw(st.integers(-128, 127))], np.int8)
        inputs.append(builder.tensor((1,), "int8", source.scale, source.zero_point, value))
    builder.operate(name, inputs, [target], 2)
    return builder.build([source], [target])


@st.composite
def transpose(draw: Draw) -> bytes:
    builder = ModelBuilder()
    shape = tuple(draw(st.lists(small(1, 5), min_size=2, max_size=4)))
    order = draw(st.permutations(range(len(shape))))
    source = activation(draw, builder, shape)
    target = builder.tensor(tuple(shape[axis] for axis in order), "int8", source.scale, source.zero_point)
    builder.operate("TRANSPOSE", [source, builder.constant(order)], [target], 2)
    return builder.build([source], [target])


@st.composite
def concatenation(draw: Draw) -> bytes:
    builder = ModelBuilder()
    shape = draw(st.lists(small(1, 5), min_size=1, max_size=4))
    axis = draw(st.integers(0, len(shape) - 1))
    sizes = draw(st.lists(small(1, 4), min_size=1, max_size=4))
    parts = []
    for size in sizes:
        part = tuple(size if place == axis else each for place, each in enumerate(shape))
        parts.append(builder.tensor(part, "int8", 0.02, 3))
    whole = tuple(sum(sizes) if place == axis else each for place, each in enumerate(shape))
    target = builder.tensor(whole, "int8", 0.02, 3)
    signed = axis - len(shape) if draw(st.booleans()) else axis
    builder.operate("CONCATENATION", parts, [target], 2, axis=signed)
    return builder.build(parts, [target])


@st.composite
def split(draw: Draw) -> bytes:
    builder = ModelBuilder()
    shape = draw(st.lists(small(1, 4), min_size=1, max_size=4))
    axis = draw(st.integers(0, len(shape) - 1))
    count = draw(small(1, 3))
    whole = tuple(each * count if place == axis else each for place, each in enumerate(shape))
    source = activation(draw, builder, whole)
    parts = [builder.tensor(tuple(shape), "int8", source.scale, source.zero_point) for _ in range(count)]
    builder.operate("SPLIT", [builder.constant([axis]), source], parts, 2, numSplits=count)
    return builder.build([source], parts)


@st.composite
def strided_slice(draw: Draw) -> bytes:
    builder = ModelBuilder()
    shape = tuple(draw(st.lists(small(1, 6), min_size=1, max_size=4)))
    begin, end, step, out = [], [], [], []
    begin_mask = end_mask = shrink = 0
    for axis, size in enumerate(shape):
        first = draw(st.integers(0, size - 1))
        stride = draw(st.sampled_from([1, 1, 2, 3]))
        last = draw(st.integers(first + 1, size))
        if draw(st.booleans()):
            begin_mask, first_used = begin_mask | 1 << axis, 0
        else:
            first_used = first
        if draw(st.booleans()):
            end_mask, last_used = end_mask | 1 << axis, size
        else:
            last_used = last
        if draw(st.sampled_from([False, False, True])):
            shrink |= 1 << axis
            begin_mask, end_mask = begin_mask & ~(1 << axis), end_mask & ~(1 << axis)
            stride, last = 1, first + 1
        else:
            out.append(len(range(first_used, last_used, stride)))
        begin.append(first - size if draw(st.booleans()) else first)
        end.append(last)
        step.append(stride)
    source = activation(draw, builder, shape)
    target = builder.tensor(tuple(out), "int8", source.scale, source.zero_point)
    builder.operate(
        "STRIDED_SLICE",
        [source, builder.constant(begin), builder.constant(end), builder.constant(step)],
        [target],
        2,
        beginMask=begin_mask,
        endMask=end_mask,
        shrinkAxisMask=shrink,
    )
    return builder.build([source], [target])


@st.composite
def resize_nearest(draw: Draw) -> bytes:
    builder = ModelBuilder()
    images, channels = draw(small(1, 2)), draw(small(1, 5))
    sizes, outs = [draw(small(1, 7)) for _ in range(2)], [draw(small(1, 15)) for _ in range(2)]
    align = draw(st.booleans())
    source = activation(draw, builder, (images, *sizes, channels))
    target = builder.tensor((images, *outs, channels), "int8", source.scale, source.zero_point)
    half = False if align else draw(st.booleans())
    builder.operate(
        "RESIZE_NEAREST_NEIGHBOR",
        [source, builder.constant(outs)],
        [target],
        3,
        alignCorners=align,
        halfPixelCenters=half,
    )
    return builder.build([source], [target])
