"""What the DSP and Helium kernels rest on: their rounding, their packing of weights, what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from edgebuild.export.c.convolution import Convolution
from edgebuild.export.c.fixed_point import Multiplier, divide_by_power, doubling_high_multiply, multiply
from edgebuild.export.c.kernels.dsp.requantize import LARGEST_SHIFT, scaling_of
from edgebuild.export.c.kernels.dsp.stream import is_packable, pair_words
from edgebuild.export.c.kernels.helium.vectors import WIDENED, by_group
from edgebuild.export.c.kernels.windows import fits_windows


def pointwise(weights: np.ndarray, shifts: list[int], bias: int = 0, value: int = 2**30 + 7) -> Convolution:
    out_c, in_c = weights.shape
    return Convolution(
        *(1, 1, 1, in_c, 1, 1, out_c, 1, 1, 1, 1, 1, 1, 0, 0),
        groups=1,
        depth_multiplier=0,
        input_zero_point=0,
        output_zero_point=-3,
        clamp_min=-128,
        clamp_max=127,
        weights=weights.reshape(out_c, 1, 1, in_c).astype(np.int8),
        bias=np.full(out_c, bias, np.int64),
        multipliers=tuple(Multiplier(value, -shift) for shift in shifts),
        weight_bits=8,
    )


def high_multiply(twice: np.ndarray, multiplier: int) -> np.ndarray:
    """SMMULR: the upper half of a product of 64 bits, rounded."""
    return (twice * multiplier + (1 << 31)) >> 32


def all_sums(shift: int) -> np.ndarray:
    """Sums around zero, where halves and signs meet, and around the limit."""
    near = np.arange(-40_000, 40_000, dtype=np.int64)
    far = np.random.default_rng(shift).integers(-(2**30) + 1, 2**30, 20_000)
    return np.concatenate([near, far, [2**30 - 1, -(2**30) + 1]])


@pytest.mark.parametrize("shift", range(1, LARGEST_SHIFT + 1))
@pytest.mark.parametrize("multiplier", [2**30, 2**30 + 1, 1_518_500_250, 2**31 - 1, 0])
def test_one_addition_before_the_shift_rounds_as_two_divisions(shift: int, multiplier: int) -> None:
    sums = all_sums(shift)
    for zero_point in (-128, -1, 0, 127):
        exact = np.clip(multiply(sums, Multiplier(multiplier, -shift)) + zero_point, -128, 127)
        term = (2 * zero_point + 1) << (shift - 1)
        value = high_multiply(2 * sums, multiplier) + term + (sums >> 63)
        assert np.abs(value).max() < 2**31
        np.testing.assert_array_equal(np.clip((value >> (shift - 1)) >> 1, -128, 127), exact)


@pytest.mark.parametrize("shift", range(1, LARGEST_SHIFT + 1))
def test_the_sign_does_not_matter_where_the_clamp_begins_at_the_zero_point(shift: int) -> None:
    sums = all_sums(shift)
    exact = np.maximum(divide_by_power(doubling_high_multiply(sums, 1_518_500_250), shift), 0)
    value = high_multiply(2 * sums, 1_518_500_250) + (1 << (shift - 1))
    np.testing.assert_array_equal(np.maximum(value >> shift, 0), exact)


def test_two_packed_weights_are_told_apart() -> None:
    random = np.random.default_rng(0)
    a, b = random.integers(-127, 128, (2, 24))
    row = random.integers(-128, 128, 24)
    words = pair_words(a, b, packed=True)
    halves = np.stack([words & 0xFFFF, words >> 16], axis=1).reshape(-1).astype(np.uint16).view(np.int16).astype(int)
    order = row.reshape(-1, 2, 2).swapaxes(1, 2).reshape(-1)
    together, first = (halves * order).sum(), ((halves.astype(np.int16).astype(np.int8)).astype(int) * order).sum()
    assert first == (a * row).sum()
    assert (together - first) / 256 == (b * row).sum()


@pytest.mark.parametrize(
    ("weights", "bias", "expected"),
    [
        (np.full((2, 4), 127), 0, True),
        (np.full((2, 4), -128), 0, False),
        (np.full((2, 4), 127), 2**23 - 1 - 4 * 127 * 128, True),
        (np.full((2, 4), 127), 2**23, False),
    ],
)
def test_weights_are_packed_only_where_sums_fit(weights: np.ndarray, bias: int, expected: bool) -> None:
    assert is_packable(pointwise(weights, [8, 8], bias)) is expected


def test_a_channel_that_rounds_to_nothing_gets_the_multiplier_zero() -> None:
    scaling = scaling_of(pointwise(np.full((2, 4), 127), [9, 31]))
    assert scaling is not None
    assert scaling.multipliers.tolist() == [2**30 + 7, 0]
    assert scaling.shifts.tolist()[0] == 9
    assert 1 <= scaling.shifts[1] <= LARGEST_SHIFT


@pytest.mark.parametrize("shift", [0, -2])
def test_channels_that_do_not_shift_to_the_right_are_left_to_plain_code(shift: int) -> None:
    assert scaling_of(pointwise(np.full((2, 4), 127), [9, shift])) is None


def test_lanes_come_in_the_order_in_which_vectors_widen_them() -> None:
    values = np.arange(20)
    assert by_group(values).tolist() == [list(range(16)), [16, 17, 18, 19, *[0] * 12]]
    assert by_group(values, WIDENED)[0].tolist() == WIDENED


def test_a_step_beyond_16_bits_is_left_to_plain_code() -> None:
    assert fits_windows(pointwise(np.ones((2, 65535)), [9, 9]))
    assert not fits_windows(pointwise(np.ones((2, 65536)), [9, 9]))
