"""A convolution, depthwise convolution or matrix product with everything a kernel needs, computed from the file."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from edgebuild.export.c.activation import clamp_of
from edgebuild.export.c.fixed_point import Multiplier, multiply, quantize_multiplier
from edgebuild.export.c.graph import Node, Tensor
from edgebuild.export.c.overlap import in_order_distance

SAME = 0
"""Value of the schema's Padding.SAME."""

CONSTANT_SHIFT = 8
"""How far the result of a channel without weights is shifted up in its bias, and down again by its multiplier."""


@dataclass(frozen=True, eq=False)
class Convolution:
    """Geometry and numbers of CONV_2D, TRANSPOSE_CONV, DEPTHWISE_CONV_2D and FULLY_CONNECTED (1x1, over its rows).

    Attributes:
        weights: int8; [out_c, kernel_h, kernel_w, in_c / groups], of a depthwise one [kernel_h, kernel_w, out_c].
        bias: int64 [out_c], as in the file; 0 where it has none. Of a channel whose weights are all 0 it is replaced,
            with the multiplier: training leaves such channels with tiny scales and biases near 2**30.
        multipliers: one per output channel.
        weight_bits: 8, or 4 where the file stores 4-bit weights.
        depth_multiplier: 0 unless depthwise; output channel c reads input channel c // depth_multiplier.
    """

    batches: int
    in_h: int
    in_w: int
    in_c: int
    out_h: int
    out_w: int
    out_c: int
    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    dilation_h: int
    dilation_w: int
    pad_top: int
    pad_left: int
    groups: int
    depth_multiplier: int
    input_zero_point: int
    output_zero_point: int
    clamp_min: int
    clamp_max: int
    weights: np.ndarray
    bias: np.ndarray
    multipliers: tuple[Multiplier, ...]
    weight_bits: int

    @property
    def is_depthwise(self) -> bool:
        """Whether every output channel reads one input channel."""
        return self.depth_multiplier > 0

    @property
    def is_pointwise(self) -> bool:
        """Whether every output pixel is a matrix product of the input pixel at the same place."""
        return (
            (self.kernel_h, self.kernel_w, self.stride_h, self.stride_w, self.groups) == (1, 1, 1, 1, 1)
            and not self.is_depthwise
            and (self.out_h, self.out_w) == (self.in_h, self.in_w)
        )

    @property
    def depth(self) -> int:
        """Products per output value."""
        return self.kernel_h * self.kernel_w * (1 if self.is_depthwise else self.in_c // self.groups)

    @property
    def macs(self) -> int:
        """Multiplications of one inference, padding counted as if it were data."""
        return self.batches * self.out_h * self.out_w * self.out_c * self.depth

    @cached_property
    def weights_by_channel(self) -> np.ndarray:
        """The weights as int64 [out_c, depth]."""
        rows = self.weights.reshape(-1, self.out_c).T if self.is_depthwise else self.weights.reshape(self.out_c, -1)
        return rows.astype(np.int64)

    @cached_property
    def folded_bias(self) -> np.ndarray:
        """The bias minus input_zero_point * sum(weights), int64 [out_c]: kernels multiply stored values as they are.

        Padding then has to count as the value `input_zero_point`.
        """
        folded: np.ndarray = self.bias - self.input_zero_point * self.weights_by_channel.sum(axis=1)
        return folded

    @cached_property
    def accumulator_bound(self) -> int:
        """The largest magnitude that any partial sum can reach, in any order of summation, folded or not."""
        weights = np.abs(self.weights_by_channel).sum(axis=1)
        start = np.maximum(np.abs(self.folded_bias), np.abs(self.bias))
        return int((start + 255 * weights).max())

    @property
    def multiplier_values(self) -> np.ndarray:
        """int32 [out_c]."""
        return np.array([multiplier.value for multiplier in self.multipliers], np.int32)

    @property
    def right_shifts(self) -> np.ndarray:
        """int8 [out_c]; negative where the factor is 1 or more and shifts left."""
        return np.array([-multiplier.shift for multiplier in self.multipliers], np.int8)

    @property
    def has_interior_only(self) -> bool:
        """Whether no output value touches padding."""
        return (
            self.pad_top == 0
            and self.pad_left == 0
            and (self.out_h - 1) * self.stride_h + (self.kernel_h - 1) * self.dilation_h < self.in_h
            and (self.out_w - 1) * self.stride_w + (self.kernel_w - 1) * self.dilation_w < self.in_w
        )

    def pixel_overlap(self, pixels: int = 1, *, reads_first: bool = False) -> int:
        """Overlap of a kernel that writes `pixels` whole output pixels at a time, row by row, left to right.

        Args:
            pixels: output pixels per step (the last step may be shorter).
            reads_first: whether a step has read all it needs before it writes anything.
        """
        row, column = np.divmod(np.arange(self.out_h * self.out_w), self.out_w)
        top = np.maximum(row * self.stride_h - self.pad_top, 0)
        left = np.maximum(column * self.stride_w - self.pad_left, 0)
        first_read = (np.minimum(top, self.in_h - 1) * self.in_w + np.minimum(left, self.in_w - 1)) * self.in_c
        write_end = (np.arange(first_read.size) + 1) * self.out_c
        starts = np.arange(0, first_read.size, pixels)
        ends = np.minimum(starts + pixels, first_read.size)
        per_step = np.minimum.reduceat(first_read, starts)
        in_bytes, out_bytes = self.in_h * self.in_w * self.in_c, write_end[-1]
        if reads_first:
            per_step = np.append(per_step[1:], in_bytes)
        images = np.arange(self.batches)[:, None]
        return in_order_distance(
            (images * out_bytes + write_end[ends - 1]).reshape(-1), (images * in_bytes + per_step).reshape(-1)
        )


@functools.lru_cache(maxsize=512)
def convolution_of(node: Node) -> Convolution:
    """The convolution that a legalised CONV_2D, DEPTHWISE_CONV_2D or FULLY_CONNECTED node is."""
    weights, options = _constant(node, 1), node.options
    assert weights.data is not None
    batches, in_h, in_w, in_c = _image(node, node.input, weights.shape[-1])
    _, out_h, out_w, out_c = _image(node, node.output, weights.shape[0])
    kernel = (1, 1) if node.op == "FULLY_CONNECTED" else (weights.shape[1], weights.shape[2])
    stride = (options.get("strideH", 1), options.get("strideW", 1))
    dilation = (options.get("dilationHFactor", 1) or 1, options.get("dilationWFactor", 1) or 1)
    if node.op == "TRANSPOSE_CONV":  # the convolution that would lead from the output back to the input
        back = tuple(-(-size // step) for size, step in zip((out_h, out_w), stride, strict=True))
        pads = padding_before((out_h, out_w), back, kernel, stride, dilation, node)
    else:
        pads = padding_before((in_h, in_w), (out_h, out_w), kernel, stride, dilation, node)
    is_depthwise = node.op == "DEPTHWISE_CONV_2D"
    clamp_min, clamp_max = clamp_of(node)
    stored_bias = node.inputs[2].data if len(node.inputs) > 2 and node.inputs[2] is not None else None
    bias = np.zeros(out_c, np.int64) if stored_bias is None else stored_bias.astype(np.int64).reshape(-1)
    shaped = weights.data.reshape(*kernel, out_c) if is_depthwise else weights.data.reshape(out_c, *kernel, -1)
    bias, multipliers = _settle_constants(bias, output_multipliers(node, weights, out_c), shaped, is_depthwise)
    return Convolution(
        batches=batches,
        in_h=in_h,
        in_w=in_w,
        in_c=in_c,
        out_h=out_h,
        out_w=out_w,
        out_c=out_c,
        kernel_h=kernel[0],
        kernel_w=kernel[1],
        stride_h=stride[0],
        stride_w=stride[1],
        dilation_h=dilation[0],
        dilation_w=dilation[1],
        pad_top=pads[0],
        pad_left=pads[1],
        groups=1 if is_depthwise else in_c // weights.shape[-1],
        depth_multiplier=out_c // in_c if is_depthwise else 0,
        input_zero_point=node.input.zero_point,
        output_zero_point=node.output.zero_point,
        clamp_min=clamp_min,
        clamp_max=clamp_max,
        weights=shaped,
        bias=bias,
        multipliers=multipliers,
        weight_bits=4 if weights.dtype == "int4" else 8,
    )


def _image(node: Node, tensor: Tensor, channels: int) -> tuple[int, int, int, int]:
    """(images, height, width, channels); a matrix counts as one image of width 1."""
    if node.op == "FULLY_CONNECTED":
        return 1, tensor.elements // channels, 1, channels
    images, height, width, depth = tensor.shape
    return images, height, width, depth


def _settle_constants(
    bias: np.ndarray, multipliers: tuple[Multiplier, ...], weights: np.ndarray, is_depthwise: bool
) -> tuple[np.ndarray, tuple[Multiplier, ...]]:
    """Give channels whose result is always the same a small bias and a plain multiplier that yield that result."""
    out_c = bias.size
    rows = weights.reshape(-1, out_c).T if is_depthwise else weights.reshape(out_c, -1)
    settled_bias, settled = bias.copy(), list(multipliers)
    for channel, factor in enumerate(multipliers):
        if factor.value and rows[channel].any():
            continue
        result = int(multiply(bias[channel : channel + 1], factor)[0])
        settled_bias[channel] = max(-512, min(511, result)) << CONSTANT_SHIFT if factor.value else 0
        settled[channel] = Multiplier(1 << 30 if factor.value else 0, 1 - CONSTANT_SHIFT)
    return settled_bias, tuple(settled)


def _constant(node: Node, index: int) -> Tensor:
    tensor = node.inputs[index]
    assert tensor is not None
    return tensor


def output_multipliers(node: Node, weights: Tensor, out_c: int) -> tuple[Multiplier, ...]:
    """Input scale * weight scale / output scale, one per channel, rounded as TFLite Micro rounds it."""
    assert weights.quantization is not None
    scales = weights.quantization.scales
    if node.op == "FULLY_CONNECTED" and len(scales) == 1:
        product = float(np.float32(node.input.scale) * np.float32(scales[0]))  # a float32 product there
        return (quantize_multiplier(product / node.output.scale),) * out_c
    each = scales if len(scales) > 1 else scales * out_c
    return tuple(quantize_multiplier(node.input.scale * scale / node.output.scale) for scale in each)


def padding_before(
    in_size: tuple[int, ...],
    out_size: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    node: Node,
) -> tuple[int, int]:
    """Rows above and columns left of the input that count as padding, those of a folded PAD included."""
    if "pads" in node.options:  # a part of an image, whose padding depends on where it lies
        top, left = node.options["pads"]
        return int(top), int(left)
    folded = node.options.get("folded_padding", ((0, 0), (0, 0)))
    pads = []
    for axis in range(2):
        size = in_size[axis] + sum(folded[axis])
        reach = (kernel[axis] - 1) * dilation[axis] + 1
        total = (out_size[axis] - 1) * stride[axis] + reach - size
        pads.append(folded[axis][0] + (max(0, total) // 2 if node.options.get("padding") == SAME else 0))
    return pads[0], pads[1]
