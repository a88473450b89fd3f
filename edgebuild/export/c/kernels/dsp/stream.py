"""The stream that `tile.c` reads: biases, weights, multipliers and shifts of pairs of channels, in the order of use."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgebuild.errors import InternalError
from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.convolution import Convolution
from edgebuild.export.c.kernels.dsp.requantize import largest_sums, scaling_of
from edgebuild.export.c.kernels.mixed import mixed_constant
from edgebuild.export.c.kernels.windows import band_order

STEP_DEPTH = 4
"""Products of one value in a step of the tile."""

TABLE_BYTES = 12
"""Of a pair in the stream: its multipliers and shifts."""

PACKED_LIMIT = 2**23
"""The sum of a pair's second channel must stay below it: 256 times it must fit 32 bits."""


def steps_of(convolution: Convolution) -> int:
    """Steps of the tile for one window; the last is filled up with zeros."""
    return -(-convolution.depth // STEP_DEPTH)


def is_packable(convolution: Convolution) -> bool:
    """Whether two weights can stand in 16 bits as 256 * b + a, and their sums can be told apart."""
    weights = convolution.weights_by_channel
    return bool(weights.min() > -128 and largest_sums(convolution).max() < PACKED_LIMIT)


def pack_stream(convolution: Convolution, pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    """int32: for each pair of channels its part of the stream."""
    scaling = scaling_of(convolution)
    if scaling is None:
        msg = "a stream was asked for a layer whose shifts do not fit"
        raise InternalError(msg)
    packed = is_packable(convolution)
    bias, weights = convolution.folded_bias, band_order(convolution)
    parts = []
    for a, b in pairs:
        shifts = int(scaling.shifts[a] - 1) + (int(scaling.shifts[b] - 1) << 8)
        second = 256 * int(bias[b]) + int(bias[a]) if packed else int(bias[b])
        numbers = [int(bias[a]), second]
        ends = [int(scaling.multipliers[a]), int(scaling.multipliers[b]), shifts]
        words = pair_words(weights[a], weights[b], packed=packed)
        parts += [_words(numbers), words, _words(ends)]
    return np.concatenate(parts).view(np.int32)


def stream_constants(convolution: Convolution, group: int, context: LayerContext) -> tuple[str, str]:
    """Store the streams of a group; symbols of all pairs, and of the last two channels again if their number is odd.

    The second is `0` where it is even.
    """
    per_group = convolution.out_c // convolution.groups
    first = group * per_group
    pairs = [(channel, channel + 1) for channel in range(first, first + per_group - 1, 2)]
    stream = _constant(context, f"stream_{group}", convolution, pairs)
    if per_group % 2 == 0:
        return stream, "0"
    return stream, _constant(context, f"last_{group}", convolution, [(first + per_group - 2, first + per_group - 1)])


def _constant(context: LayerContext, name: str, convolution: Convolution, pairs: list[tuple[int, int]]) -> str:
    values = pack_stream(convolution, pairs)
    return mixed_constant(context, name, values, values.nbytes - TABLE_BYTES * len(pairs))


def pair_words(a: np.ndarray, b: np.ndarray, *, packed: bool) -> np.ndarray:
    """uint32 words (a[k], b[k], a[k + 2], b[k + 2]) for k = 0, 1, 4, 5, 8, ...; packed halves are 256 * b + a."""
    depth = -(-a.size // STEP_DEPTH) * STEP_DEPTH
    first, second = (np.pad(row, (0, depth - row.size)).reshape(-1, 2, 2).swapaxes(1, 2).reshape(-1) for row in (a, b))
    halves = (256 * second + first) if packed else ((second & 0xFF) << 8) | (first & 0xFF)
    halves = halves & 0xFFFF
    return (halves[0::2] | halves[1::2] << 16).astype(np.uint32)


def _words(numbers: list[int]) -> np.ndarray:
    return np.array([number & 0xFFFFFFFF for number in numbers], np.uint32)
