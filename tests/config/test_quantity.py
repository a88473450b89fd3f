"""Quantities are read with their unit and shown so that they read back to the same value."""

from __future__ import annotations

import pytest

from edgebuild.config.quantity import BYTES, ENERGY, FREQUENCY, POWER, TIME, Dimension
from edgebuild.config.wording import BadValueError


@pytest.mark.parametrize(
    ("dimension", "text", "value"),
    [
        (BYTES, "512 KiB", 512 * 1024),
        (BYTES, "8MB", 8_000_000),
        (BYTES, "1.5 GiB", 1_610_612_736),
        (BYTES, "0.1 MiB", 104858),
        (TIME, "60 ms", 60.0),
        (TIME, "2 s", 2000.0),
        (TIME, "500us", 0.5),
        (FREQUENCY, "1.5 GHz", 1.5e9),
        (ENERGY, "20 uJ", 0.02),
        (ENERGY, "1e-3 J", 1.0),
        (POWER, "2 W", 2000.0),
    ],
)
def test_units_become_the_one_of_the_code(dimension: Dimension, text: str, value: float) -> None:
    assert dimension.parse(text) == pytest.approx(value)


@pytest.mark.parametrize("value", [8, 8.5, "8", "eight KiB", "8 KiB more", "", None, True, [8], "-8 KiB", "1e400 KiB"])
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(BadValueError):
        BYTES.parse(value)


@pytest.mark.parametrize("value", [0, 1, 1023, 1024, 8_000_000, 8 * 2**20, 123_456_789, 6_815_744])
def test_sizes_read_back_exactly(value: int) -> None:
    assert BYTES.parse(BYTES.show(value)) == value


@pytest.mark.parametrize("value", [0.1, 1 / 3, 60.0, 0.0123, 600_000.0])
def test_times_read_back_exactly(value: float) -> None:
    assert TIME.parse(TIME.show(value)) == value


def test_the_shortest_way_to_write_it_is_chosen() -> None:
    assert [BYTES.show(8_000_000), BYTES.show(8 * 2**20)] == ["8 MB", "8 MiB"]
    assert [TIME.show(600_000.0), FREQUENCY.show(1.5e9)] == ["600 s", "1.5 GHz"]
