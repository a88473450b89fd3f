"""Layers of networks whose time on an Edge TPU is published: shapes from their papers, as the estimate takes them."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, prod

from edgebuild.estimate.edge_tpu.layer import TpuLayer


def convolution(side: int, kernel: int | tuple[int, int], inputs: int, outputs: int, source: int = 0) -> TpuLayer:
    """A convolution to a square of `side`, from a square of `source` (the same side where 0)."""
    taps = kernel * kernel if isinstance(kernel, int) else prod(kernel)
    read = (source or side) ** 2 * inputs
    return TpuLayer("conv", "convolution", side**2, taps, inputs, outputs, read, side**2 * outputs, 0, 8)


def depthwise(side: int, channels: int) -> TpuLayer:
    """A 3 x 3 depthwise convolution to a square of `side`."""
    size = side**2 * channels
    return TpuLayer("depthwise", "depthwise", side**2, 9, 1, channels, size, size, 0, 8)


def dense(inputs: int, outputs: int) -> TpuLayer:
    """A fully connected layer."""
    return TpuLayer("dense", "fully_connected", 1, 1, inputs, outputs, inputs, outputs, 0)


def mobilenet_v1() -> list[TpuLayer]:
    """MobileNet 1.0, 224 x 224, 1001 classes (Howard et al., 2017, table 1)."""
    layers, channels, side = [convolution(112, 3, 3, 32, 224)], 32, 112
    rest = [(512, 1)] * 5
    for outputs, stride in ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *rest, (1024, 2), (1024, 1)):
        side //= stride
        layers += [depthwise(side, channels), convolution(side, 1, channels, outputs)]
        channels = outputs
    return [*layers, dense(1024, 1001)]


def mobilenet_v2() -> list[TpuLayer]:
    """MobileNetV2 1.0, 224 x 224, 1001 classes (Sandler et al., 2018, table 2)."""
    layers, channels, side = [convolution(112, 3, 3, 32, 224)], 32, 112
    table = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
    for factor, outputs, repeats, stride in table:
        for number in range(repeats):
            hidden = channels * factor
            if factor > 1:
                layers.append(convolution(side, 1, channels, hidden))
            side //= stride if number == 0 else 1
            layers += [depthwise(side, hidden), convolution(side, 1, hidden, outputs)]
            channels = outputs
    return [*layers, convolution(7, 1, 320, 1280), dense(1280, 1001)]


def resnet50(size: int) -> list[TpuLayer]:
    """ResNet-50, 1000 classes (He et al., 2015, table 1), the stride in the first 1 x 1 convolution of a block."""
    side = ceil(size / 2)
    layers, channels, side = [convolution(side, 7, 3, 64, size)], 64, ceil(side / 2)
    for width, repeats, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for number in range(repeats):
            if number == 0:
                side = ceil(side / stride)
                layers.append(convolution(side, 1, channels, 4 * width))
            layers += [convolution(side, 1, channels, width), convolution(side, 3, width, width)]
            layers.append(convolution(side, 1, width, 4 * width))
            channels = 4 * width
    return [*layers, dense(2048, 1000)]


def inception_v4() -> list[TpuLayer]:
    """Inception v4, 299 x 299, 1001 classes (Szegedy et al., 2016, figures 3 to 9)."""
    tall, wide = (7, 1), (1, 7)
    stem = [convolution(149, 3, 3, 32, 299), convolution(147, 3, 32, 32), convolution(147, 3, 32, 64)]
    stem += _chain(73, (3, 64, 96), (1, 160, 64), (1, 160, 64), (wide, 64, 64), (tall, 64, 64))
    stem += _chain(71, (3, 64, 96), (3, 64, 96)) + _chain(35, (3, 192, 192))
    a = _chain(35, (1, 384, 96), (1, 384, 64), (3, 64, 96), (1, 384, 64), (3, 64, 96), (3, 96, 96), (1, 384, 96))
    reduce_a = _chain(17, (3, 384, 384)) + _chain(35, (1, 384, 192), (3, 192, 224)) + _chain(17, (3, 224, 256))
    b = _chain(17, (1, 1024, 384), (1, 1024, 192), (wide, 192, 224), (tall, 224, 256), (1, 1024, 192))
    b += _chain(17, (tall, 192, 192), (wide, 192, 224), (tall, 224, 224), (wide, 224, 256), (1, 1024, 128))
    reduce_b = _chain(17, (1, 1024, 192), (1, 1024, 256), (wide, 256, 256), (tall, 256, 320))
    reduce_b += _chain(8, (3, 192, 192), (3, 320, 320))
    flat, upright = (1, 3), (3, 1)
    c = _chain(8, (1, 1536, 256), (1, 1536, 384), (flat, 384, 256), (upright, 384, 256), (1, 1536, 384))
    c += _chain(8, (upright, 384, 448), (flat, 448, 512), (flat, 512, 256), (upright, 512, 256), (1, 1536, 256))
    return [*stem, *a * 4, *reduce_a, *b * 7, *reduce_b, *c * 3, dense(1536, 1001)]


def _chain(side: int, *shapes: tuple[int | tuple[int, int], int, int]) -> list[TpuLayer]:
    return [convolution(side, kernel, inputs, outputs) for kernel, inputs, outputs in shapes]


def total_macs(layers: Iterable[TpuLayer]) -> int:
    """Multiply-accumulates of one inference."""
    return sum(layer.macs for layer in layers)
