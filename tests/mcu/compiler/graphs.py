"""Random small networks: chains of convolutions with pads, pools, activations, residual sums and heads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.mcu.compiler.cases import SAME, SEEDS, VALID, output_size, small
from tests.mcu.compiler.flatbuffer import ModelBuilder, Spec

Draw = Any
Step = Callable[[Draw, ModelBuilder, Spec, list[Spec]], Spec]


def filter_of(
    draw: Draw, builder: ModelBuilder, shape: tuple[int, ...], axis: int, source: Spec
) -> tuple[Spec, Spec, float]:
    """Weights, bias and the output scale that suits them; a third of the channels may have no weights at all."""
    random = np.random.default_rng(draw(SEEDS))
    channels, depth = shape[axis], int(np.prod(shape)) // shape[axis]
    scales = random.uniform(0.002, 0.02, channels)
    values = random.integers(-127, 128, shape).astype(np.int8)
    if draw(st.booleans()):
        alive = random.random(channels) > 0.35
        values = np.moveaxis(np.moveaxis(values, axis, -1) * alive, -1, axis).astype(np.int8)
    weights = builder.tensor(shape, "int8", scales.tolist(), 0, values, axis)
    numbers = random.integers(-3000, 3000, channels).astype(np.int32)
    bias = builder.tensor((channels,), "int32", (scales * source.scale).tolist(), 0, numbers)
    return weights, bias, float(source.scale * np.median(scales) * np.sqrt(depth) * 60)


def convolve(draw: Draw, builder: ModelBuilder, source: Spec, _: list[Spec]) -> Spec:
    images, height, width, channels = source.shape
    kernel = draw(st.sampled_from([1, 1, 3]))
    padding = SAME if min(height, width) < kernel else draw(st.sampled_from([SAME, VALID]))
    stride = draw(st.sampled_from([1, 1, 2]))
    depthwise = draw(st.booleans())
    if depthwise:
        out_c = channels * draw(st.sampled_from([1, 1, 2]))
        shape, axis, name = (1, kernel, kernel, out_c), 3, "DEPTHWISE_CONV_2D"
    else:
        out_c = draw(small(1, 14))
        shape, axis, name = (out_c, kernel, kernel, channels), 0, "CONV_2D"
    weights, bias, scale = filter_of(draw, builder, shape, axis, source)
    size = [output_size(each, kernel, stride, padding) for each in (height, width)]
    clamp = draw(st.sampled_from([0, 1, 3]))
    point = -128 if clamp else draw(st.sampled_from([0, -20]))
    target = builder.tensor((images, *size, out_c), "int8", scale, point)
    options = {"padding": padding, "strideH": stride, "strideW": stride, "fusedActivationFunction": clamp}
    if depthwise:
        options["depthMultiplier"] = out_c // channels
    builder.operate(name, [source, weights, bias], [target], 3, dilationHFactor=1, dilationWFactor=1, **options)
    return target


def pad(draw: Draw, builder: ModelBuilder, source: Spec, before: list[Spec]) -> Spec:
    """A PAD and the convolution that follows it."""
    images, height, width, channels = source.shape
    amounts = [[0, 0], [draw(small(0, 2)), draw(small(0, 2))], [draw(small(0, 2)), draw(small(0, 2))], [0, 0]]
    shape = (images, height + sum(amounts[1]), width + sum(amounts[2]), channels)
    target = builder.tensor(shape, "int8", source.scale, source.zero_point)
    builder.operate("PAD", [source, builder.constant(amounts)], [target], 2)
    return convolve(draw, builder, target, before)


def pool(draw: Draw, builder: ModelBuilder, source: Spec, _: list[Spec]) -> Spec:
    images, height, width, channels = source.shape
    size = [output_size(each, 2, 2, SAME) for each in (height, width)]
    target = builder.tensor((images, *size, channels), "int8", source.scale, source.zero_point)
    name = draw(st.sampled_from(["AVERAGE_POOL_2D", "MAX_POOL_2D"]))
    options = {"padding": SAME, "strideH": 2, "strideW": 2, "filterHeight": 2, "filterWidth": 2}
    builder.operate(name, [source], [target], 2, **options)
    return target


def activate(draw: Draw, builder: ModelBuilder, source: Spec, _: list[Spec]) -> Spec:
    name = draw(st.sampled_from(["RELU", "LEAKY_RELU", "HARD_SWISH", "LOGISTIC"]))
    scale, point = (1 / 256, -128) if name == "LOGISTIC" else (source.scale, draw(st.sampled_from([-128, -40, 0])))
    target = builder.tensor(source.shape, "int8", scale, point)
    builder.operate(name, [source], [target], **({"alpha": 0.1} if name == "LEAKY_RELU" else {}))
    return target


def add(draw: Draw, builder: ModelBuilder, source: Spec, before: list[Spec]) -> Spec:
    """The sum with an earlier tensor of the same shape, or with itself."""
    other = draw(st.sampled_from([spec for spec in before if spec.shape == source.shape] or [source]))
    target = builder.tensor(source.shape, "int8", source.scale + other.scale, draw(st.sampled_from([-128, 0, 11])))
    builder.operate("ADD", [source, other], [target], 2, fusedActivationFunction=draw(st.sampled_from([0, 1])))
    return target


def concatenate(draw: Draw, builder: ModelBuilder, source: Spec, _: list[Spec]) -> Spec:
    """A slice of the channels, in front of all of them."""
    images, height, width, channels = source.shape
    count = draw(small(1, channels))
    part = builder.tensor((images, height, width, count), "int8", source.scale, source.zero_point)
    ends = [builder.constant(values) for values in ([0] * 4, [images, height, width, count], [1] * 4)]
    builder.operate("STRIDED_SLICE", [source, *ends], [part], 2)
    target = builder.tensor((images, height, width, count + channels), "int8", source.scale, source.zero_point)
    builder.operate("CONCATENATION", [part, source], [target], 2, axis=3)
    return target


STEPS: tuple[Step, ...] = (convolve, convolve, convolve, pad, pool, activate, add, concatenate)


def classify(draw: Draw, builder: ModelBuilder, source: Spec) -> Spec:
    """A mean or a reshape, a matrix product and a softmax."""
    images, height, width, channels = source.shape
    if draw(st.booleans()):
        flat = builder.tensor((images, channels), "int8", source.scale, source.zero_point)
        builder.operate("MEAN", [source, builder.constant([1, 2])], [flat], 2, keepDims=False)
    else:
        flat = builder.tensor((images, height * width * channels), "int8", source.scale, source.zero_point)
        builder.operate("RESHAPE", [source, builder.constant(flat.shape)], [flat], newShape=list(flat.shape))
    depth, classes = flat.shape[1], draw(small(2, 5))
    values = np.random.default_rng(draw(SEEDS)).integers(-127, 128, (classes, depth)).astype(np.int8)
    weights = builder.tensor((classes, depth), "int8", 0.01, 0, values)
    logits = builder.tensor((images, classes), "int8", flat.scale * 0.01 * np.sqrt(depth) * 60, 0)
    builder.operate("FULLY_CONNECTED", [flat, weights, None], [logits], 4)
    result = builder.tensor((images, classes), "int8", 1 / 256, -128)
    builder.operate("SOFTMAX", [logits], [result], 2, beta=1.0)
    return result


@st.composite
def network(draw: Draw) -> bytes:
    builder = ModelBuilder()
    shape = (draw(st.sampled_from([1, 1, 1, 2])), draw(small(2, 12)), draw(small(2, 12)), draw(small(1, 8)))
    source = builder.tensor(shape, "int8", 0.03, draw(st.sampled_from([-128, 0, 9])))
    current, before = source, [source]
    for step in draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=6)):
        current = step(draw, builder, current, before)
        before.append(current)
    outputs = [current]
    if draw(st.booleans()):
        outputs = [classify(draw, builder, current)]
        if draw(st.booleans()):
            outputs.append(current)
    return builder.build([source], outputs)
