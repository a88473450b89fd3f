"""The predictor recovers costs from few times, says how far it may be off, and keeps what it says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edgebuild.estimate.predictor.amounts import BEFORE, amounts_of
from edgebuild.estimate.predictor.conformal import conformal_bounds
from edgebuild.estimate.predictor.least_squares import fit_shares, non_negative
from edgebuild.estimate.predictor.table import FEWEST, Table, cost_of, fit_costs, fit_table, left_out_errors, predict
from edgebuild.estimate.predictor.uncalibrated import uncalibrated_table, uncalibrated_tables
from edgebuild.estimate.predictor.workload import KINDS, Operation, Workload

TRUTH = {"convolution MMAC": 0.4, "pointwise MMAC": 0.2, "pooling MB": 3.0, "call": 1.5}
"""A device whose costs are far from BEFORE, and not in its ratios."""


def networks(count: int, seed: int) -> list[dict[str, float]]:
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        operations = [
            Operation("convolution", int(rng.integers(1e6, 4e7)), int(rng.integers(1e4, 1e6)), 9_000),
            *[Operation("pointwise", int(rng.integers(1e6, 2e7)), 50_000, 1_000)] * int(rng.integers(0, 4)),
            *[Operation("pooling", 9_000, int(rng.integers(1e5, 2e6)))] * int(rng.integers(0, 3)),
        ]
        found.append(amounts_of(Workload(operations, "fp32")))
    return found


def times_of(rows: list[dict[str, float]], noise: float, seed: int) -> list[float]:
    rng = np.random.default_rng(seed)
    truth = [sum(TRUTH.get(name, 0.0) * amount for name, amount in row.items()) for row in rows]
    return [value * math.exp(noise * rng.normal()) for value in truth]


def test_no_coefficient_is_negative_and_none_could_be_better() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        matrix, target = rng.normal(size=(12, 5)), rng.normal(size=12)
        gram, right = matrix.T @ matrix, matrix.T @ target
        x = non_negative(gram, right)
        gradient = gram @ x - right
        assert (x >= 0).all()
        assert np.allclose(gradient[x > 0], 0, atol=1e-8), "free ones are at their optimum"
        assert (gradient[x == 0] > -1e-8).all(), "the others would get worse by growing"


def test_one_time_in_five_that_is_wrong_does_not_move_the_fit() -> None:
    shares = np.abs(np.random.default_rng(2).normal(size=(40, 3))) + 0.1
    factors = np.array([0.5, 1.0, 2.0])
    times = shares @ factors
    times[::5] *= 0.7
    wrong = shares / times[:, None]
    squares = np.linalg.lstsq(wrong, np.ones(40), rcond=None)[0]
    off = np.abs(fit_shares(wrong, 1e-6) / factors - 1).max()
    assert off < 0.08 < np.abs(squares / factors - 1).max()


def test_costs_are_recovered_from_twenty_networks() -> None:
    rows, fresh = networks(20, 1), networks(50, 2)
    costs = fit_costs(rows, times_of(rows, 0.0, 0))
    errors = [abs(cost_of(row, costs) / time - 1) for row, time in zip(fresh, times_of(fresh, 0.0, 0), strict=True)]
    assert np.median(errors) < 0.02
    guessed = [cost_of(row, BEFORE) / time for row, time in zip(fresh, times_of(fresh, 0.0, 0), strict=True)]
    assert np.std(np.log(guessed)) > 0.1, "the ratios of BEFORE alone would not do"


def test_the_interval_holds_nine_of_ten_new_times_and_the_table_says_so() -> None:
    inside, told = [], []
    for seed in range(4):
        rows, fresh = networks(40, seed), networks(150, 100 + seed)
        table = fit_table(rows, times_of(rows, 0.1, seed), "fp32", 1)
        found = [predict(table, row) for row in fresh]
        inside += [
            one.low <= time <= one.high for one, time in zip(found, times_of(fresh, 0.1, 100 + seed), strict=True)
        ]
        told.append(table.coverage)
    assert 0.84 < np.mean(inside) < 0.97
    assert 0.80 < np.mean(told) < 0.97
    assert table.confidence == 0.9


def test_the_interval_follows_the_noise() -> None:
    rows = networks(40, 3)
    widths = [(table := fit_table(rows, times_of(rows, noise, 3), "fp32", 1)).high - table.low for noise in (0.02, 0.2)]
    assert widths[1] > 4 * widths[0]


@pytest.mark.parametrize(("count", "confidence"), [(3, 3 / 4), (8, 8 / 9), (9, 0.9), (19, 0.9), (40, 0.9)])
def test_few_errors_promise_no_more_than_they_can(count: int, confidence: float) -> None:
    rng = np.random.default_rng(count)
    bounds = conformal_bounds(list(rng.normal(size=count)))
    assert bounds.confidence == pytest.approx(confidence)
    held = []
    for _ in range(1500):
        *errors, new = rng.normal(size=count + 1)
        held.append(conformal_bounds(errors).holds(new))
    assert np.mean(held) > confidence - 0.03


def test_what_no_measured_network_has_makes_the_estimate_wider() -> None:
    rows = networks(20, 4)
    table = fit_table(rows, times_of(rows, 0.05, 4), "fp32", 1)
    known = networks(1, 9)[0]
    odd = {**known, "depthwise MMAC": 40.0, "depthwise operations": 1.0}
    plain, wide = predict(table, known), predict(table, odd)
    assert plain.unseen == 0
    assert wide.unseen > 0.05
    assert wide.value > plain.value
    assert wide.high / wide.low > plain.high / plain.low


def test_left_out_errors_are_of_fits_that_never_saw_the_time() -> None:
    rows = networks(FEWEST + 2, 5)
    times = times_of(rows, 0.0, 0)
    plain = left_out_errors(rows, times)
    moved = left_out_errors(rows, [times[0] * 3, *times[1:]])
    assert moved[0] == pytest.approx(plain[0] + math.log(3)), "its estimate did not change with its time"


def test_an_earlier_estimate_is_one_more_amount() -> None:
    rows = networks(20, 6)
    times = times_of(rows, 0.0, 0)
    better = [{"call": row["call"], "emulation": time / 2} for row, time in zip(rows, times, strict=True)]
    assert fit_table(better, times, "fp32", 1).error < 0.02


def test_the_same_times_give_the_same_table() -> None:
    rows = networks(15, 7)
    times = times_of(rows, 0.1, 7)
    table = fit_table(rows, times, "int8", 4)
    assert fit_table(rows, times, "int8", 4) == table
    assert Table.from_json(table.to_json()) == table


def test_every_kind_has_costs_before_any_measurement() -> None:
    assert {name for kind in KINDS for name in (f"{kind} operations", f"{kind} MB")} <= set(BEFORE)
    for table in uncalibrated_tables():
        assert table.low < 0 < table.high
        assert set(table.costs) == set(BEFORE)
    assert uncalibrated_table("int8", 3) == uncalibrated_table("int8", 4)
    assert uncalibrated_table("int4-dynamic", 1) is None
