"""Models of many layers, each with an input and output of its own or in a chain, so that one run checks them all."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.mcu.compiler.flatbuffer import ModelBuilder, Spec

SAME, VALID = 0, 1
NONE, RELU, RELU6 = 0, 1, 3
POINTS = (0, -128, 127, 5, -37)


class LayerBatch:
    """Collects layers. One that is given a source reads it and hides it; another begins with an input of the model."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.builder = ModelBuilder()
        self.inputs: list[Spec] = []
        self.outputs: list[Spec] = []
        self.clamped_points: tuple[int, ...] = (-128, -128, *POINTS)

    def build(self) -> bytes:
        return self.builder.build(self.inputs, self.outputs)

    def pick(self, *choices: Any) -> Any:
        return choices[int(self.random.integers(len(choices)))]

    def source(self, shape: tuple[int, ...], given: Spec | None = None) -> Spec:
        if given is not None:
            self.outputs.remove(given)
            return given
        self.inputs.append(self.builder.tensor(shape, "int8", 0.05, self.pick(*POINTS)))
        return self.inputs[-1]

    def target(self, shape: tuple[int, ...], scale: float, clamp: int) -> Spec:
        point = self.pick(*(self.clamped_points if clamp else POINTS))
        self.outputs.append(self.builder.tensor(shape, "int8", scale, point))
        return self.outputs[-1]

    def weights(self, shape: tuple[int, ...], axis: int, depth: int, source: Spec, *, lowest: int = -127) -> Any:
        """Weights and bias, and an output scale of which some values are beyond the range.

        With `lowest` above -10, weights, bias and shifts are small, and halves occur often.
        """
        channels = shape[axis]
        if lowest > -10:
            return self._small_weights(shape, axis, source, -lowest)
        scales = self.random.uniform(0.002, 0.02, channels)
        values = self.random.integers(lowest, 128, shape)
        values = np.where(self.random.random(shape) < 0.05, self.pick(lowest, 127), values).astype(np.int8)
        weights = self.builder.tensor(shape, "int8", scales.tolist(), 0, values, axis)
        numbers = self.random.integers(-20_000, 20_000, channels).astype(np.int32)
        bias = self.builder.tensor((channels,), "int32", (scales * source.scale).tolist(), 0, numbers)
        spread = source.scale * 0.01 * 74 * 74 * np.sqrt(depth) / 64
        return weights, bias, float(spread * self.pick(0.3, 1.0, 4.0, 60.0))

    def _small_weights(self, shape: tuple[int, ...], axis: int, source: Spec, reach: int) -> Any:
        channels = shape[axis]
        scales = (0.01 * 2.0 ** self.random.integers(0, 3, channels) * 1.2).tolist()
        values = self.random.integers(-reach, reach + 1, shape).astype(np.int8)
        weights = self.builder.tensor(shape, "int8", scales, 0, values, axis)
        numbers = self.random.integers(-30, 30, channels).astype(np.int32)
        bias = self.builder.tensor((channels,), "int32", [scale * source.scale for scale in scales], 0, numbers)
        return weights, bias, float(source.scale * 0.1)

    def convolve(
        self,
        size: tuple[int, int],
        channels: tuple[int, int],
        *,
        kernel: tuple[int, int] = (1, 1),
        stride: tuple[int, int] = (1, 1),
        dilation: tuple[int, int] = (1, 1),
        groups: int = 1,
        images: int = 1,
        padding: int = SAME,
        clamp: int | None = None,
        lowest: int = -127,
        source: Spec | None = None,
    ) -> Spec:
        in_c, out_c = channels
        clamp = self.pick(NONE, RELU, RELU6) if clamp is None else clamp
        source = self.source((images, *size, in_c), source)
        shape = (out_c, *kernel, in_c // groups)
        weights, bias, scale = self.weights(shape, 0, int(np.prod(shape[1:])), source, lowest=lowest)
        target = self.target((images, *_sizes(size, kernel, stride, dilation, padding), out_c), scale, clamp)
        options = _window(stride, dilation, padding, clamp)
        self.builder.operate("CONV_2D", [source, weights, bias], [target], 3, **options)
        return target

    def depthwise(
        self,
        size: tuple[int, int],
        channels: int,
        *,
        kernel: tuple[int, int] = (3, 3),
        stride: tuple[int, int] = (1, 1),
        dilation: tuple[int, int] = (1, 1),
        factor: int = 1,
        images: int = 1,
        padding: int = SAME,
        clamp: int | None = None,
        lowest: int = -127,
        source: Spec | None = None,
    ) -> Spec:
        clamp = self.pick(NONE, RELU, RELU6) if clamp is None else clamp
        source = self.source((images, *size, channels), source)
        out_c = channels * factor
        weights, bias, scale = self.weights((1, *kernel, out_c), 3, int(np.prod(kernel)), source, lowest=lowest)
        target = self.target((images, *_sizes(size, kernel, stride, dilation, padding), out_c), scale, clamp)
        options = _window(stride, dilation, padding, clamp)
        inputs: list[Spec | None] = [source, weights, bias]
        self.builder.operate("DEPTHWISE_CONV_2D", inputs, [target], 3, depthMultiplier=factor, **options)
        return target

    def connect(self, rows: int, in_c: int, out_c: int, *, clamp: int | None = None) -> None:
        clamp = self.pick(NONE, RELU, RELU6) if clamp is None else clamp
        source = self.source((rows, in_c))
        weights, bias, scale = self.weights((out_c, in_c), 0, in_c, source)
        target = self.target((rows, out_c), scale, clamp)
        self.builder.operate("FULLY_CONNECTED", [source, weights, bias], [target], 4, fusedActivationFunction=clamp)

    def pool(
        self,
        name: str,
        size: tuple[int, int],
        channels: int,
        *,
        kernel: tuple[int, int] = (2, 2),
        stride: tuple[int, int] = (2, 2),
        padding: int = SAME,
    ) -> None:
        source = self.source((1, *size, channels))
        shape = (1, *_sizes(size, kernel, stride, (1, 1), padding), channels)
        self.outputs.append(self.builder.tensor(shape, "int8", source.scale, source.zero_point))
        options = {"padding": padding, "strideH": stride[0], "strideW": stride[1]}
        options |= {"filterHeight": kernel[0], "filterWidth": kernel[1]}
        self.builder.operate(name, [source], [self.outputs[-1]], 2, **options)


def _window(stride: tuple[int, int], dilation: tuple[int, int], padding: int, clamp: int) -> dict[str, int]:
    return {
        "padding": padding,
        "strideH": stride[0],
        "strideW": stride[1],
        "dilationHFactor": dilation[0],
        "dilationWFactor": dilation[1],
        "fusedActivationFunction": clamp,
    }


def _sizes(
    size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int], padding: int
) -> list[int]:
    if padding == SAME:
        return [-(-each // step) for each, step in zip(size, stride, strict=True)]
    return [
        (each - (taps - 1) * gap - 1) // step + 1
        for each, taps, step, gap in zip(size, kernel, stride, dilation, strict=True)
    ]
