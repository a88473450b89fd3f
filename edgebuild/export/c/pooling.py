"""The geometry of a pooling operation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgebuild.export.c.activation import clamp_of
from edgebuild.export.c.convolution import padding_before
from edgebuild.export.c.graph import Node
from edgebuild.export.c.overlap import in_order_distance


@dataclass(frozen=True)
class Pooling:
    """Geometry of AVERAGE_POOL_2D and MAX_POOL_2D."""

    batches: int
    in_h: int
    in_w: int
    channels: int
    out_h: int
    out_w: int
    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    pad_top: int
    pad_left: int
    low: int
    high: int

    def members(self) -> dict[str, object]:
        """The members of the C struct `eb_pool`."""
        return {name: value for name, value in vars(self).items() if name != "batches"}

    def pixel_overlap(self) -> int:
        """Overlap of a kernel that writes one output pixel at a time, while it still reads that pixel's window."""
        row, column = np.divmod(np.arange(self.out_h * self.out_w), self.out_w)
        top = np.maximum(row * self.stride_h - self.pad_top, 0)
        left = np.maximum(column * self.stride_w - self.pad_left, 0)
        first_read = (top * self.in_w + left) * self.channels
        write_end = (np.arange(first_read.size) + 1) * self.channels
        images = np.arange(self.batches)[:, None]
        in_bytes, out_bytes = self.in_h * self.in_w * self.channels, self.out_h * self.out_w * self.channels
        return in_order_distance(
            (images * out_bytes + write_end).reshape(-1), (images * in_bytes + first_read).reshape(-1)
        )


def pooling_of(node: Node) -> Pooling:
    """The pooling that a node is."""
    options = node.options
    batches, in_h, in_w, channels = node.input.shape
    _, out_h, out_w, _ = node.output.shape
    kernel = (int(options["filterHeight"]), int(options["filterWidth"]))
    stride = (int(options["strideH"]), int(options["strideW"]))
    pads = padding_before((in_h, in_w), (out_h, out_w), kernel, stride, (1, 1), node)
    low, high = clamp_of(node)
    return Pooling(batches, in_h, in_w, channels, out_h, out_w, *kernel, *stride, *pads, low, high)
