"""DEPTHWISE_CONV_2D on the DSP extension: a channel's plane of 16-bit values, two products of a row at a time."""

from __future__ import annotations

import numpy as np

from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.convolution import Convolution, convolution_of
from edgebuild.export.c.graph import Node
from edgebuild.export.c.initializer import initializer
from edgebuild.export.c.kernel import KERNELS, Kernel
from edgebuild.export.c.kernels.dsp.requantize import Scaling, rounding_of, scaling_of
from edgebuild.export.c.kernels.mixed import mixed_constant

LARGEST_OFFSET = 1020
"""Bytes: how far LDRD reaches from its register; two rows of a plane must lie within."""

LONGEST_UNROLLED = 3
"""Pairs of output values in one round of the loop over a row."""


class Depthwise3x3Dsp(Kernel):
    """A window of 3x3: weights stay in registers for a whole channel."""

    ops = ("DEPTHWISE_CONV_2D",)
    features = frozenset({"dsp"})

    def supports(self, node: Node) -> bool:
        """3x3, stride 1 or 2 along a row, at most 252 values in a row."""
        convolution = convolution_of(node)
        return (
            (convolution.kernel_h, convolution.kernel_w, convolution.dilation_h, convolution.dilation_w) == (3, 3, 1, 1)
            and convolution.stride_w in {1, 2}
            and convolution.out_w >= 2
            and 4 * pitch_of(convolution) + 8 <= LARGEST_OFFSET
            and 2 * convolution.stride_h * pitch_of(convolution) < 4096  # an immediate of ADD
            and convolution.weight_bits == 8
            and scaling_of(convolution) is not None
        )

    def scratch_bytes(self, node: Node) -> int:
        """One plane."""
        return plane_bytes(convolution_of(node))

    def cost(self, node: Node) -> float:
        """Measured on KWS and VWW: 14.5 a value (stride 2: 15.5), 3.2 a value read, 80 a channel."""
        convolution = convolution_of(node)
        per_value = 14.5 if convolution.stride_w == 1 else 15.5
        return per_value * node.output.elements + 3.2 * node.input.elements + 80 * convolution.out_c

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call of the shared code per image."""
        convolution = convolution_of(node)
        scaling = _scaling(convolution)
        row = _function_3x3(convolution, context)
        stream = stream_3x3(convolution, scaling)
        iterations = convolution.out_w // 2 // unrolled_pairs(convolution)
        return _calls(convolution, context, ("eb_dsp_channel_3x3", row), stream, 256 * iterations)


class DepthwiseDsp(Kernel):
    """Any window without gaps along a row."""

    ops = ("DEPTHWISE_CONV_2D",)
    features = frozenset({"dsp"})

    def supports(self, node: Node) -> bool:
        """All but dilation along a row and 4-bit weights."""
        convolution = convolution_of(node)
        return convolution.dilation_w == 1 and convolution.weight_bits == 8

    def scratch_bytes(self, node: Node) -> int:
        """One plane."""
        return plane_bytes(convolution_of(node))

    def cost(self, node: Node) -> float:
        """About 3 instructions for a pair of products."""
        convolution = convolution_of(node)
        pairs = convolution.kernel_h * -(-convolution.kernel_w // 2)
        return (4 * pairs + 24) * node.output.elements + 3 * node.input.elements + 60 * convolution.out_c

    def emit(self, node: Node, context: LayerContext) -> str:
        """One call of the shared code per image."""
        convolution = convolution_of(node)
        context.fragment("naked.c", "requantize.c", "dsp/plane.c", "dsp/depthwise_any.c")
        pitch = pitch_of(convolution)
        down, right = convolution.stride_h * pitch, convolution.stride_w
        numbers = (convolution.kernel_h, convolution.kernel_w, pitch * convolution.dilation_h, down, right)
        arguments = ", ".join(map(str, (*numbers, convolution.out_w)))
        name = f"eb_dsp_depthwise_{'_'.join(map(str, (*numbers, convolution.out_w)))}"
        context.source.define(
            name,
            f"EB_SHARED void {name}(const int8_t *stream, const int16_t *plane, int8_t *out,\n"
            f"    const struct eb_dsp_depthwise *g) {{\n"
            f"  eb_dsp_depthwise_any(stream, plane, out, g, {arguments});\n}}\n",
        )
        return _calls(convolution, context, (name, "0"), stream_any(convolution), 0)


def pitch_of(convolution: Convolution) -> int:
    """Values from one row of the plane to the next: even, and with room for the pair that a row ends in."""
    reach = (convolution.out_w - 1) * convolution.stride_w + (convolution.kernel_w + 1) // 2 * 2
    return (reach + 1) // 2 * 2


def _rows(convolution: Convolution) -> int:
    return (convolution.out_h - 1) * convolution.stride_h + (convolution.kernel_h - 1) * convolution.dilation_h + 1


def _copied(convolution: Convolution) -> int:
    """Columns of the image that come into the plane."""
    return min(convolution.in_w, pitch_of(convolution) - convolution.pad_left)


def plane_bytes(convolution: Convolution) -> int:
    """Bytes of one channel with its padding."""
    return 2 * pitch_of(convolution) * _rows(convolution)


def _scaling(convolution: Convolution) -> Scaling:
    scaling = scaling_of(convolution)
    assert scaling is not None
    return scaling


def stream_3x3(convolution: Convolution, scaling: Scaling) -> np.ndarray:
    """int8 [out_c * 18]: twice the bias, multiplier, weights, right shift - 1."""
    return _stream(
        (2 * convolution.folded_bias).astype("<i4"),
        scaling.multipliers.astype("<i4"),
        convolution.weights_by_channel.astype(np.int8),
        (scaling.shifts - 1).astype(np.int8),
    )


def stream_any(convolution: Convolution) -> np.ndarray:
    """int8: bias, multiplier, right shift, weights with each row filled up to an even number."""
    rows = convolution.weights_by_channel.astype(np.int8).reshape(convolution.out_c, convolution.kernel_h, -1)
    even = np.pad(rows, ((0, 0), (0, 0), (0, convolution.kernel_w % 2)))
    return _stream(
        convolution.folded_bias.astype("<i4"),
        convolution.multiplier_values.astype("<i4"),
        convolution.right_shifts,
        even.reshape(convolution.out_c, -1),
    )


def _stream(*columns: np.ndarray) -> np.ndarray:
    parts = [np.ascontiguousarray(column).view(np.int8).reshape(column.shape[0], -1) for column in columns]
    return np.concatenate(parts, axis=1).reshape(-1)


def _function_3x3(convolution: Convolution, context: LayerContext) -> str:
    """Paste the shared code and return the name of the channel's function."""
    line, stride, pairs = 2 * pitch_of(convolution), convolution.stride_w, convolution.out_w // 2
    rounding, is_odd = rounding_of(convolution), convolution.out_w % 2
    places = [line, 2 * line] if stride == 1 else [line, line + 8, 2 * line, 2 * line + 8]
    rows = f"EB_PLANE_ROWS_BY_{stride}({', '.join(_quoted(places))})"
    requantize = f"EB_PLANE_{rounding.upper()}"
    body = " ".join([f"EB_PLANE_TWO({rows}, {requantize})"] * unrolled_pairs(convolution))
    loop = "EB_PLANE_LOOP" if unrolled_pairs(convolution) < pairs else "EB_PLANE_NO_LOOP"
    last = f"EB_PLANE_ONE({', '.join(_quoted([line, 2 * line]))}, {requantize})" if is_odd else '""'
    advance = convolution.stride_h * line - 4 * stride * pairs
    name = f"eb_dsp_plane_{convolution.out_w}_by_{stride}_{advance}_{rounding}"
    context.fragment("naked.c", "dsp/plane.c", "dsp/depthwise3x3.c")
    context.source.define(name, f'EB_DSP_PLANE({name},\n    {body},\n    {loop}, {last}, "{advance}")\n')
    return name


def _quoted(numbers: list[int]) -> list[str]:
    return [f'"{number}"' for number in numbers]


def unrolled_pairs(convolution: Convolution) -> int:
    """Pairs of output values that the loop over a row computes at once: a divisor of them."""
    pairs = convolution.out_w // 2
    return max(count for count in range(1, LONGEST_UNROLLED + 1) if pairs % count == 0)


def _calls(
    convolution: Convolution, context: LayerContext, functions: tuple[str, str], stream: np.ndarray, iterations: int
) -> str:
    members: dict[str, object] = {
        "twice_zero": 2 * convolution.output_zero_point + 1,
        "out_c": convolution.out_c,
        "low": convolution.clamp_min,
        "high": convolution.clamp_max,
        "iterations": iterations,
        "out_bytes": convolution.out_h * convolution.out_w * convolution.out_c,
        "channel": functions[0],
        "row": functions[1],
        "stream": mixed_constant(context, "stream", stream, (4 + convolution.depth) * convolution.out_c),
        "in_c": convolution.in_c,
        "copy_h": min(convolution.in_h, _rows(convolution) - convolution.pad_top),
        "copy_w": _copied(convolution),
        "skip": (convolution.in_w - _copied(convolution)) * convolution.in_c,
        "pitch": 2 * pitch_of(convolution),
        "rows": _rows(convolution),
        "first": convolution.pad_top * pitch_of(convolution) + convolution.pad_left,
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
            f" {context.scratch('int16_t')});"
        )
    return "\n".join(lines)


KERNELS.register("depthwise_3x3_dsp")(Depthwise3x3Dsp())
KERNELS.register("depthwise_dsp")(DepthwiseDsp())
