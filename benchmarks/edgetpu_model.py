"""The model of the Edge TPU, fitted to half of two published sweeps and held against the other half.

The sweeps are in `edgetpu-sweeps/` of the folder that EDGEBUILD_DATA names: measured times of five convolutions of more
and more filters, and of five fully connected layers. `--write` writes the fitted times into the package.
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from pathlib import Path

import numpy as np
from measuring import classic_nets
from measuring.results import Result, publish

from edgebuild.estimate.edge_tpu import coefficients as shipped
from edgebuild.estimate.edge_tpu.coefficients import Coefficients
from edgebuild.estimate.edge_tpu.latency import Inference, estimate_latency
from edgebuild.estimate.edge_tpu.layer import TpuLayer
from edgebuild.estimate.edge_tpu.memory import CachePlan, plan_cache, usable_bytes
from edgebuild.estimate.edge_tpu.terms import TERMS, amounts_of

DATA = Path(os.environ.get("EDGEBUILD_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
FOLDER = DATA / "edgetpu-sweeps"
MIB = 2**20
ROUNDED_MIB = 0.0051
"""The sweeps give memory to two digits."""
FLOOR_MS, SHARE, CONFIDENCE = 0.05, 0.1, 0.9
SOURCE = (
    "array steps, bytes over the link and bytes on the chip x times fitted to half of two measured sweeps "
    "(Jorgitou98/EdgeTPU-QuantRL-Evaluation, MIT), interval from errors of left-out rows"
)

PUBLISHED = (
    ("MobileNetV1 224", classic_nets.mobilenet_v1, 224, 2.4),
    ("MobileNetV2 224", classic_nets.mobilenet_v2, 224, 2.6),
    ("Inception v4 299", classic_nets.inception_v4, 299, 85.0),
    ("ResNet-50 299", lambda: classic_nets.resnet50(299), 299, 49.0),
)
"""Network, its layers, side of its picture, ms over USB 3 as Coral published."""


@dataclass(frozen=True)
class Row:
    """One measured model: layers, bytes in and out, MiB on the chip and streamed as the compiler said, ms."""

    sweep: str
    size: int
    layers: tuple[TpuLayer, ...]
    input_bytes: int
    output_bytes: int
    on_chip: float
    streamed: float
    milliseconds: float

    @property
    def plan(self) -> CachePlan:
        """Where its parameters lie, by the model."""
        return plan_cache(self.layers, usable_bytes(self.layers))

    @property
    def amounts(self) -> tuple[float, ...]:
        """What its time is a sum of."""
        return amounts_of(self.layers, self.plan, self.input_bytes, self.output_bytes).values


def main() -> None:
    """Fit, hold against the other half and the published points, compare with what edgebuild uses."""
    if not (FOLDER / "conv_sweep.csv").exists():
        print("edgetpu_model: nothing to fit to; EDGEBUILD_DATA names the folder that has edgetpu-sweeps/")
        return
    rows = [*read_convolutions(), *read_dense()]
    fitted = [row for number, row in enumerate(rows) if number % 2 == 0]
    held_out = [row for number, row in enumerate(rows) if number % 2]
    found = fit_all(fitted)
    if "--write" in sys.argv:
        Path(shipped.__file__).with_name(shipped.FILE).write_text(found.to_text())
        shipped.coefficients.cache_clear()
    results = [
        memory(rows),
        distance(found),
        *errors("fitted", found, fitted),
        *errors("held out", found, held_out),
        coverage(found, held_out),
        *(published(*point) for point in PUBLISHED),
    ]
    publish(
        "edgetpu_model",
        "The model of the Edge TPU against two published sweeps",
        "Fitted to every second row, the others held out. The interval is the 90 % quantile of the errors of rows that "
        "were left out of the fit one by one, so that the held-out rows had no part in it. Published points: time over "
        "USB 3, neither fitted to nor measured here; their intervals are wider for the link and for depthwise "
        "convolutions, by shares that were chosen, not fitted.",
        results,
    )


def read_convolutions() -> list[Row]:
    """64 x 64 x 3, five 3 x 3 convolutions."""
    rows = []
    for values in _read("conv_sweep.csv"):
        filters = int(values[0])
        layers = tuple(classic_nets.convolution(64, 3, inputs, filters) for inputs in (3, *[filters] * 4))
        rows.append(_row("convolutions", values, layers, 64 * 64 * 3, 64 * 64 * filters))
    return rows


def read_dense() -> list[Row]:
    """64 inputs, four hidden layers, 10 outputs."""
    rows = []
    for values in _read("fc_sweep.csv"):
        units = [64, *[int(values[0])] * 4, 10]
        layers = tuple(classic_nets.dense(a, b) for a, b in pairwise(units))
        rows.append(_row("dense", values, layers, 64, 10))
    return rows


def _read(name: str) -> list[list[str]]:
    with (FOLDER / name).open(newline="") as stream:
        return list(csv.reader(stream))[1:]


def _row(sweep: str, values: list[str], layers: tuple[TpuLayer, ...], inputs: int, outputs: int) -> Row:
    assert classic_nets.total_macs(layers) == int(values[1]), "the layers are those of the sweep"
    return Row(sweep, int(values[0]), layers, inputs, outputs, *(float(value) for value in values[2:]))


def fit(rows: Sequence[Row]) -> dict[str, float]:
    """Times of the terms, none below zero, by least squares of the relative errors."""
    matrix = np.array([row.amounts for row in rows])
    truth = np.array([row.milliseconds for row in rows])
    weighted = matrix / truth[:, None]
    scale = np.abs(weighted).max(axis=0)
    used = [column for column in range(len(TERMS)) if scale[column] > 0]
    while True:
        solved, *_ = np.linalg.lstsq(weighted[:, used] / scale[used], np.ones(len(rows)), rcond=None)
        if (solved >= 0).all():
            break
        del used[int(np.argmin(solved))]
    times = dict(zip((TERMS[column] for column in used), solved / scale[used], strict=True))
    return {name: float(f"{times.get(name, 0.0):.6g}") for name in TERMS}


def predict(times: dict[str, float], row: Row) -> float:
    """Estimated ms of one row."""
    return sum(amount * times[name] for name, amount in zip(TERMS, row.amounts, strict=True))


def fit_all(rows: Sequence[Row]) -> Coefficients:
    """Times fitted to all rows, and an interval from fits that left one of them out."""
    scores = []
    for row in rows:
        estimate = predict(fit([other for other in rows if other is not row]), row)
        scores.append(abs(estimate - row.milliseconds) / (FLOOR_MS + SHARE * estimate))
    rank = min(ceil((len(rows) + 1) * CONFIDENCE), len(rows)) - 1
    return Coefficients(fit(rows), FLOOR_MS, SHARE, float(f"{sorted(scores)[rank]:.4g}"), CONFIDENCE, SOURCE)


def memory(rows: Sequence[Row]) -> Result:
    """The rows whose bytes on the chip or streamed are not what the compiler said."""
    wrong = [
        row
        for row in rows
        if abs(row.plan.on_chip / MIB - row.on_chip) > ROUNDED_MIB
        or abs(row.plan.streamed / MIB - row.streamed) > ROUNDED_MIB
    ]
    detail = f"{len(rows)} models, to the two digits that the compiler prints"
    return Result("models whose bytes on the chip or streamed differ", len(wrong), "models", 0, detail)


def distance(found: Coefficients) -> Result:
    """How far the times that edgebuild uses are from this fit."""
    used = shipped.coefficients()
    pairs = [(used.milliseconds[name], found.milliseconds[name]) for name in TERMS]
    pairs.append((used.quantile, found.quantile))
    away = max(abs(mine - theirs) / max(abs(theirs), 1e-12) for mine, theirs in pairs)
    shown = ", ".join(f"{name} {value:.3g}" for name, value in found.milliseconds.items())
    return Result("times in use, distance from the fit", 100 * away, "%", 0.1, f"ms: {shown}")


def errors(name: str, found: Coefficients, rows: Sequence[Row]) -> list[Result]:
    """Mean error of the estimate and how often the truth fell into the interval, a sweep each."""
    lines = []
    for sweep in dict.fromkeys(row.sweep for row in rows):
        chosen = [row for row in rows if row.sweep == sweep]
        pairs = [(predict(found.milliseconds, row), row.milliseconds) for row in chosen]
        off = [100 * (estimate / truth - 1) for estimate, truth in pairs]
        inside = sum(abs(estimate - truth) <= found.half_width(estimate) for estimate, truth in pairs)
        detail = f"{len(chosen)} models, {min(off):+.0f} to {max(off):+.0f} %; {inside} inside the 90 % interval"
        lines.append(Result(f"{sweep}, {name}: mean error", float(np.mean(np.abs(off))), "%", None, detail))
        lines.append(Result(f"{sweep}, {name}: inside the interval", 100 * inside / len(chosen), "%", None, ""))
    return lines


def coverage(found: Coefficients, rows: Sequence[Row]) -> Result:
    """How often the truth fell into the interval, over all held-out rows."""
    inside = 0
    for row in rows:
        estimate = predict(found.milliseconds, row)
        inside += abs(estimate - row.milliseconds) <= found.half_width(estimate)
    detail = f"{inside} of {len(rows)} models, {100 * CONFIDENCE:.0f} % wanted"
    return Result("held out: inside the interval", 100 * inside / len(rows), "%", None, detail)


def published(name: str, build: object, side: int, truth: float) -> Result:
    """One published point: the error of the estimate, and whether the point is in its interval."""
    assert callable(build)
    layers = build()
    inference = Inference(layers, plan_cache(layers, usable_bytes(layers)), side * side * 3, layers[-1].output_bytes)
    found = estimate_latency(inference, "usb3")
    inside = "inside" if found.low <= truth <= found.high else "OUTSIDE"
    detail = f"published {truth:g} ms, estimated {found.middle:.3g} [{found.low:.3g}, {found.high:.3g}]: {inside}; "
    detail += f"{inference.plan.on_chip / MIB:.2f} MiB on the chip, {inference.plan.streamed / MIB:.2f} streamed"
    return Result(f"{name}, published: error", 100 * (found.middle / truth - 1), "%", None, detail)


if __name__ == "__main__":
    main()
