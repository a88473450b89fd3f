"""The batches that the tests of kernels run: what a kernel does in another way has a layer here."""

from __future__ import annotations

from collections.abc import Callable

from tests.mcu_kernels.layers import NONE, RELU, RELU6, VALID, LayerBatch


def pointwise() -> LayerBatch:
    """1x1: odd numbers of channels and pixels, depths around the sizes of steps and vectors, wide weights, a stride."""
    batch = LayerBatch(1)
    batch.convolve((5, 5), (64, 64), clamp=RELU)
    batch.convolve((1, 1), (12, 7))
    batch.convolve((2, 1), (7, 5), clamp=NONE)
    batch.convolve((3, 1), (1, 2))
    batch.convolve((4, 3), (17, 35), images=2)
    batch.convolve((3, 4), (31, 8), clamp=RELU6)
    batch.convolve((3, 3), (150, 34))
    batch.convolve((3, 3), (40, 9), lowest=-128)
    batch.convolve((5, 4), (8, 6), stride=(2, 2))
    batch.convolve((4, 4), (12, 10), groups=2)
    batch.convolve((3, 3), (16, 1))
    return batch


def windows() -> LayerBatch:
    """Larger kernels: padding on each side, strides, dilation, groups, rows shorter than a step of three pixels."""
    batch = LayerBatch(2)
    batch.convolve((13, 5), (1, 16), kernel=(10, 4), stride=(2, 2), clamp=RELU)
    batch.convolve((9, 9), (3, 8), kernel=(3, 3), stride=(2, 2), clamp=RELU6)
    batch.convolve((6, 7), (5, 6), kernel=(3, 3), images=2)
    batch.convolve((7, 7), (4, 5), kernel=(2, 3), padding=VALID)
    batch.convolve((9, 8), (6, 4), kernel=(3, 2), dilation=(2, 3))
    batch.convolve((5, 1), (8, 3), kernel=(3, 1))
    batch.convolve((5, 2), (9, 12), kernel=(3, 3), groups=3)
    batch.convolve((4, 4), (20, 4), kernel=(3, 3), lowest=-128)
    batch.convolve((3, 3), (2, 4), kernel=(5, 5), stride=(1, 2))
    return batch


def depthwise() -> LayerBatch:
    """Depthwise: 3x3 of odd and even rows, strides, every clamp, other sizes, gaps, several outputs per channel."""
    batch = LayerBatch(3)
    batch.depthwise((7, 5), 20, clamp=RELU)
    batch.depthwise((6, 6), 16, clamp=NONE)
    batch.depthwise((8, 8), 9, stride=(2, 2), clamp=RELU)
    batch.depthwise((7, 9), 33, stride=(2, 2), clamp=RELU6)
    batch.depthwise((5, 8), 8, stride=(2, 1), padding=VALID)
    batch.depthwise((5, 6), 3, factor=2, images=2)
    batch.depthwise((3, 2), 5)
    batch.depthwise((4, 1), 5)
    batch.depthwise((9, 7), 6, kernel=(5, 5))
    batch.depthwise((9, 9), 7, kernel=(4, 3), stride=(3, 2), padding=VALID)
    batch.depthwise((9, 9), 18, dilation=(2, 2))
    batch.depthwise((5, 5), 4, lowest=-128)
    return batch


def few_channels() -> LayerBatch:
    """Depthwise with so few channels that pixels share a vector, and as few where they do not fill vectors."""
    batch = LayerBatch(7)
    batch.depthwise((5, 6), 8, clamp=RELU)
    batch.depthwise((4, 8), 4, clamp=NONE, images=2)
    batch.depthwise((3, 16), 1)
    batch.depthwise((6, 10), 2, padding=VALID, clamp=RELU6)
    batch.depthwise((2, 2), 8)
    batch.depthwise((4, 5), 8, lowest=-1, clamp=NONE)
    return batch


def rows_and_pools() -> LayerBatch:
    """Matrix products of one row and of several; pools over numbers of channels that are no multiple of four."""
    batch = LayerBatch(4)
    batch.connect(1, 64, 12, clamp=NONE)
    batch.connect(1, 4, 3, clamp=RELU)
    batch.connect(1, 20, 2, clamp=RELU6)
    batch.connect(1, 13, 4)
    batch.connect(1, 45, 10, clamp=RELU6)
    batch.connect(5, 30, 7)
    batch.pool("AVERAGE_POOL_2D", (25, 5), 20, kernel=(25, 5), stride=(25, 5), padding=VALID)
    batch.pool("AVERAGE_POOL_2D", (5, 5), 7)
    batch.pool("MAX_POOL_2D", (5, 5), 6, kernel=(3, 3))
    batch.pool("MAX_POOL_2D", (4, 4), 3)
    return batch


def halves() -> LayerBatch:
    """Small weights and shifts: many sums lie halfway between two values."""
    batch = LayerBatch(6)
    batch.convolve((9, 9), (4, 8), clamp=NONE, lowest=-1)
    batch.convolve((5, 5), (3, 6), kernel=(2, 2), clamp=RELU6, lowest=-1)
    for _ in range(4):
        batch.depthwise((9, 8), 16, clamp=NONE, lowest=-1)
    batch.depthwise((9, 9), 8, stride=(2, 2), clamp=RELU, lowest=-1)
    batch.depthwise((9, 9), 8, kernel=(2, 2), clamp=NONE, lowest=-1)
    batch.connect(1, 64, 40, clamp=NONE)
    return batch


def chain() -> LayerBatch:
    """Layers on top of each other, so that outputs are laid over inputs."""
    batch = LayerBatch(5)
    spec = batch.convolve((17, 13), (3, 8), kernel=(3, 3), stride=(2, 2), clamp=RELU)
    spec = batch.depthwise((9, 7), 8, clamp=RELU, source=spec)
    spec = batch.convolve((9, 7), (8, 24), clamp=RELU, source=spec)
    spec = batch.convolve((9, 7), (24, 24), kernel=(3, 3), source=spec)
    spec = batch.depthwise((9, 7), 24, stride=(2, 2), clamp=RELU6, source=spec)
    spec = batch.convolve((5, 4), (24, 40), source=spec)
    spec = batch.convolve((5, 4), (40, 11), source=spec)
    batch.convolve((5, 4), (11, 5), kernel=(2, 2), padding=VALID, source=spec)
    return batch


BATCHES: dict[str, Callable[[], LayerBatch]] = {
    "pointwise": pointwise,
    "windows": windows,
    "depthwise": depthwise,
    "few channels": few_channels,
    "rows and pools": rows_and_pools,
    "halves": halves,
    "chain": chain,
}
