"""Depthwise convolutions by planes of one channel: what the kernels for 3x3 and for any window share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.convolution import Convolution
from edgebuild.export.c.initializer import initializer
from edgebuild.export.c.kernels.dsp.requantize import Scaling, rounding_of, scaling_of
from edgebuild.export.c.kernels.mixed import mixed_constant
from edgebuild.export.c.kernels.windows import LARGEST_UINT16

ALIGNMENT = 16
"""Bytes: buffers of the arena begin at multiples of it."""

LARGEST_UINT8 = 255

LARGEST_IMMEDIATE = 4095
"""Bytes: how far ADD and LDR reach."""


@dataclass(frozen=True)
class Plane:
    """One channel as 16-bit values with its padding.

    Attributes:
        pitch: values from one row to the next; even.
        before: bytes of working memory that lie before it.
        most_pairs: of output values in one round of the loop over a row.
    """

    convolution: Convolution
    pitch: int
    before: int = 0
    most_pairs: int = 3

    @property
    def rows(self) -> int:
        """Rows of the image and padding that windows touch."""
        convolution = self.convolution
        reach = (convolution.kernel_h - 1) * convolution.dilation_h
        return (convolution.out_h - 1) * convolution.stride_h + reach + 1

    @property
    def bytes(self) -> int:
        """Working memory in all."""
        return self.before + 2 * self.pitch * self.rows

    @property
    def columns(self) -> int:
        """Columns of the image that are copied."""
        return min(self.convolution.in_w, self.pitch - self.convolution.pad_left)

    @property
    def pairs(self) -> int:
        """Of output values in a row."""
        return self.convolution.out_w // 2

    @property
    def unrolled(self) -> int:
        """Pairs in one round of the loop over a row: a divisor of them, or 0."""
        return max((count for count in range(1, self.most_pairs + 1) if self.pairs % count == 0), default=0)

    @property
    def advance(self) -> int:
        """Bytes from behind the last pair to where the next row of windows begins."""
        convolution = self.convolution
        return 2 * convolution.stride_h * self.pitch - 4 * convolution.stride_w * self.pairs

    @property
    def first(self) -> int:
        """The value of the plane that is the image's first."""
        return self.convolution.pad_top * self.pitch + self.convolution.pad_left

    @property
    def skipped(self) -> int:
        """Bytes of a row of the image that are not copied."""
        return (self.convolution.in_w - self.columns) * self.convolution.in_c

    @property
    def fits(self) -> bool:
        """Whether its numbers fit the instructions and the structure."""
        small = max(self.first, self.skipped) <= LARGEST_UINT16 and self.convolution.depth_multiplier <= LARGEST_UINT8
        return small and self.advance <= LARGEST_IMMEDIATE


def plane_overlap(convolution: Convolution) -> int | None:
    """How the output may lie over the input: a channel is read whole before the same channel is written.

    Anywhere before the input, as long as buffers begin at multiples of the number of channels: then a channel's values
    only come where values of the same channel were.
    """
    in_place = convolution.in_c == convolution.out_c and ALIGNMENT % convolution.in_c == 0
    shrinks = convolution.out_h * convolution.out_w <= convolution.in_h * convolution.in_w
    return 0 if in_place and shrinks else None


def scaling_for(convolution: Convolution) -> Scaling:
    """The scaling of a layer that a kernel said it supports."""
    scaling = scaling_of(convolution)
    assert scaling is not None
    return scaling


def join_columns(*columns: np.ndarray) -> np.ndarray:
    """int8: the bytes of each channel's row of every array, side by side."""
    parts = [np.ascontiguousarray(column).view(np.int8).reshape(column.shape[0], -1) for column in columns]
    return np.concatenate(parts, axis=1).reshape(-1)


def define_row(plane: Plane, context: LayerContext, window: str, enter: str, rows: str, forward: str, last: str) -> str:
    """Write the function that computes all rows of a channel and return its name.

    Args:
        plane: the layer's plane.
        context: the layer's.
        window: what tells the function from others with the same plane.
        enter: C of what comes before the first row.
        rows: C of the products of two neighbouring windows.
        forward: C of what moves on to the next two, where `rows` does not.
        last: name of the macro for the last of an odd number, with its arguments up to the rounding.
    """
    convolution = plane.convolution
    rounding = f"EB_PLANE_{rounding_of(convolution).upper()}"
    body = " ".join([f"EB_PLANE_TWO({rows} {forward}, {rounding})"] * plane.unrolled) if plane.pairs else '""'
    loop = "EB_PLANE_LOOP" if plane.pairs > plane.unrolled else "EB_PLANE_NO_LOOP"
    end = f"{last}, {rounding})" if convolution.out_w % 2 else '""'
    shape = f"{convolution.out_w}_{plane.pitch}_by_{convolution.stride_h}_{convolution.stride_w}"
    name = f"eb_dsp_plane_{window}_{shape}_{rounding_of(convolution)}"
    arguments = f'{name}, {enter},\n    {body},\n    {loop}, {end}, "{plane.advance}"'
    context.source.define(name, f"EB_DSP_PLANE({arguments})\n")
    return name


def emit_planes(plane: Plane, context: LayerContext, functions: tuple[str, str], stream: np.ndarray, taps: str) -> str:
    """C of a layer: one call per image.

    Args:
        plane: the layer's plane.
        context: the layer's.
        functions: what begins a channel, and what goes on with its rows.
        stream: what the first of them reads.
        taps: C of the member `taps`.
    """
    convolution = plane.convolution
    weight_bytes = (4 + convolution.depth) * convolution.out_c
    members: dict[str, object] = {
        "twice_zero": 2 * convolution.output_zero_point + 1,
        "out_c": convolution.out_c,
        "low": convolution.clamp_min,
        "high": convolution.clamp_max,
        "iterations": 256 * (plane.pairs // max(1, plane.unrolled)),
        "out_bytes": convolution.out_h * convolution.out_w * convolution.out_c,
        "channel": functions[0],
        "row": functions[1],
        "stream": mixed_constant(context, "stream", stream, weight_bytes),
        "taps": taps,
        "in_c": convolution.in_c,
        "copy_h": min(convolution.in_h, plane.rows - convolution.pad_top),
        "copy_w": plane.columns,
        "skip": plane.skipped,
        "pitch": 2 * plane.pitch,
        "rows": plane.rows,
        "first": plane.first,
        "factor": convolution.depth_multiplier,
        "stream_bytes": stream.size // convolution.out_c,
        "zero_point": convolution.input_zero_point,
    }
    lines = [initializer("eb_dsp_depthwise", "g", members)]
    for image in range(convolution.batches):
        skip_in = image * convolution.in_h * convolution.in_w * convolution.in_c
        skip_out = image * convolution.out_h * convolution.out_w * convolution.out_c
        lines.append(
            f"eb_dsp_depthwise_convolve(&g, {context.input()} + {skip_in}, {context.output()} + {skip_out},"
            f" {context.scratch('int16_t')} + {plane.before // 2});"
        )
    return "\n".join(lines)
