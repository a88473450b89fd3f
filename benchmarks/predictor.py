"""The predictor of times, calibrated with 40 networks and held against the others, on three devices.

`nasbench201-latency/` of the folder that EDGEBUILD_DATA names has 300 cells of NAS-Bench-201 with measured ms. Each of
20 draws by seed calibrates with 40 of them, as `edgebuild calibrate` does, and estimates the other 260. `--write`
writes what is known before any calibration, from `arm-latency/published.csv`, into the package.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from measuring import classic_nets
from measuring.nas_bench_201 import Reading, edges_of, workload_of
from measuring.other_predictors import SIZES, within_10
from measuring.results import Result, Table, publish

from edgebuild.estimate.edge_tpu.layer import TpuLayer
from edgebuild.estimate.predictor import uncalibrated as shipped
from edgebuild.estimate.predictor.amounts import amounts_of
from edgebuild.estimate.predictor.table import Amounts, cost_of, fit_costs, fit_table, predict
from edgebuild.estimate.predictor.table import Table as FittedTable
from edgebuild.estimate.predictor.uncalibrated import fit_uncalibrated
from edgebuild.estimate.predictor.workload import Kind, Operation, Workload

DATA = Path(os.environ.get("EDGEBUILD_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
CELLS, PUBLISHED = DATA / "nasbench201-latency" / "latency.csv", DATA / "arm-latency" / "published.csv"
DEVICES: Mapping[str, tuple[str, Reading]] = {
    "Raspberry Pi 4": ("raspi4_ms", "without dead code"),
    "Pixel 3": ("pixel3_ms", "without dead code"),
    "Pixel 2": ("pixel2_ms", "as written"),
}
Row = list[str | float | None]
"""Of a table."""
CALIBRATION, DRAWS, PROMISED = 40, 20, 90.0
FEW_AMOUNTS = 5
"""A network that is more than a call and a result has more amounts than this."""
KIND_OF: Mapping[str, Kind] = {"convolution": "convolution", "depthwise": "depthwise", "fully_connected": "dense"}
BYTES = {"fp32": 4, "int8": 1}
NETWORKS = {
    "MobileNetV1 1.0": classic_nets.mobilenet_v1,
    "MobileNetV1 1.0 224": classic_nets.mobilenet_v1,
    "MobileNetV2 1.0": classic_nets.mobilenet_v2,
    "MobileNetV2 1.0 224": classic_nets.mobilenet_v2,
}
DTYPES = {"fp32": "fp32", "int8": "int8", "quant": "int8"}
THREADS = {"1": 1, "4": 4, "multi": 4}
OTHER_CPUS = ("iPhone", "Coral", "Raspberry Pi Zero W")
"""No core of Arm, no stated number of threads, one core without vectors, which is fifty times slower."""


@dataclass(frozen=True)
class Draw:
    """What one draw of calibration networks gave, as shares of the networks that were left.

    Attributes:
        within_10, within_5: estimates that are at most so many percent off the time.
        error: median of |estimate / time - 1|.
        inside: times inside the 90 % interval.
        told: what the calibration itself said that share is.
        width: upper end of the interval over its lower end.
    """

    within_10: float
    within_5: float
    error: float
    inside: float
    told: float
    width: float


def main() -> None:
    """Fit, draw by draw, and say what could be had at most."""
    if not CELLS.exists():
        print("predictor: nothing to fit to; EDGEBUILD_DATA names the folder that has nasbench201-latency/")
        return
    if "--write" in sys.argv:
        tables = [table.to_json() for table in published_tables()]
        Path(shipped.__file__).with_name(shipped.FILE).write_text(json.dumps(tables, indent=1, sort_keys=True) + "\n")
        shipped.uncalibrated_tables.cache_clear()
    with CELLS.open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    results = [speed(lines)]
    rows: list[Row] = []
    limits: list[Row] = []
    others: list[Row] = []
    spreads: list[Row] = []
    for device, (column, reading) in DEVICES.items():
        amounts = [amounts_of(workload_of(line["architecture"], reading)) for line in lines]
        times = np.array([float(line[column]) for line in lines])
        draws = [draw(amounts, times, seed) for seed in range(DRAWS)]
        results += results_of(device, draws)
        rows += [[device, seed, *percents(one), one.width] for seed, one in enumerate(draws)]
        others += [[device, *row] for row in within_10(amounts, [line["architecture"] for line in lines], times)]
        limits.append([device, *ceiling(amounts, times), *repeated(lines, times)])
        spreads.append([device, *spread(amounts, times, [int(line["index"]) for line in lines])])
    publish(
        "predictor",
        "Predicted times of NAS-Bench-201 networks, calibrated with 40 of them",
        HOW,
        results,
        [
            Table("What the data allow", LIMIT_COLUMNS, limits),
            Table("Around a fit to all 300", SPREAD_COLUMNS, spreads),
            Table("Other ways of learning", OTHER_COLUMNS, others),
            Table("Before any calibration", PUBLISHED_COLUMNS, published_rows()),
            Table("Every draw", DRAW_COLUMNS, rows),
        ],
    )


HOW = (
    "Data: HELP (HayeonLee/HELP, MIT), 300 of its cells. Networks of float32 operations, 32 x 32 pictures; which "
    "operations of a cell the timed files really held was read from the times of all 300 networks "
    "(benchmarks/measuring/nas_bench_201.py), so that this one decision saw the held-out times; the costs did not. "
    "Each draw fits 40 networks by `edgebuild.estimate.predictor` and estimates the 260 others; the interval comes "
    "from the 40, each left out once; '% told' is what the calibration itself says, from fifths of the 40. A promise "
    "counts shares that are NOT within 10 %. 'Best of a group' groups all 300 networks by the number of their "
    "convolutions and poolings, and takes for each group the one number that puts most of its own times within 10 %: "
    "no predictor that sees these counts can do better, though it saw every time. 'Same network' compares cells that "
    "compute the very same graph and were timed apart. 'Correlation of neighbours' is that of the errors of networks "
    "whose numbers in NAS-Bench-201 follow each other among the 300. Pixel 2 was timed in whole ms. 'Other ways' are "
    "those of scikit-learn as they come, on the same amounts and on each edge of the cell, means of 5 draws."
)
OTHER_COLUMNS = ("device", "way", *(f"from {size} networks: % within 10 %" for size in SIZES))
LIMIT_COLUMNS = (
    "device",
    "fitted to all 300: % within 10 %",
    "best of a group: % within 10 %",
    "same network timed twice, pairs",
    "of them more than 10 % apart, %",
    "farthest apart, %",
)
SPREAD_COLUMNS = (
    "device",
    "time within 3 % of the estimate, %",
    "more than 10 % below, %",
    "more than 10 % above, %",
    "lowest / estimate",
    "highest / estimate",
    "correlation of neighbours",
)
DRAW_COLUMNS = (
    "device",
    "seed",
    "% within 10 %",
    "% within 5 %",
    "median error, %",
    "% inside",
    "% told",
    "high / low",
)
PUBLISHED_COLUMNS = ("dtype", "threads", "times", "median error of left-out devices, %", "low", "high", "confidence, %")


def draw(amounts: Sequence[Amounts], times: np.ndarray, seed: int) -> Draw:
    """Calibrate with 40 networks, estimate the others."""
    order = np.random.default_rng(seed).permutation(len(times))
    chosen, others = order[:CALIBRATION], order[CALIBRATION:]
    table = fit_table([amounts[place] for place in chosen], [float(times[place]) for place in chosen], "fp32", 1)
    found = [predict(table, amounts[place]) for place in others]
    errors = np.abs(np.array([one.value for one in found]) / times[others] - 1)
    inside = [one.low <= truth <= one.high for one, truth in zip(found, times[others], strict=True)]
    assert table.coverage is not None, "40 networks are enough to ask"
    return Draw(
        within_10=float(np.mean(errors <= 0.10)),
        within_5=float(np.mean(errors <= 0.05)),
        error=float(np.median(errors)),
        inside=float(np.mean(inside)),
        told=table.coverage,
        width=found[0].high / found[0].low,
    )


def percents(one: Draw) -> list[float]:
    """Its shares in percent."""
    return [100 * share for share in (one.within_10, one.within_5, one.error, one.inside, one.told)]


def results_of(device: str, draws: Sequence[Draw]) -> list[Result]:
    """Mean over the draws, with the lowest and highest."""
    columns = list(zip(*map(percents, draws), strict=True))
    shown = [
        f"{np.mean(values):.1f} %, {min(values):.1f} to {max(values):.1f} over {len(draws)} draws" for values in columns
    ]
    missed = 100 - float(np.mean(columns[0]))
    promised = None if device == "Pixel 2" else 100 - PROMISED
    return [
        Result(f"{device}: not within 10 %", missed, "%", promised, f"within: {shown[0]}"),
        Result(f"{device}: within 5 %", float(np.mean(columns[1])), "%", None, shown[1]),
        Result(f"{device}: median error", float(np.mean(columns[2])), "%", None, shown[2]),
        Result(f"{device}: inside the 90 % interval", float(np.mean(columns[3])), "%", None, shown[3]),
    ]


def speed(lines: Sequence[Mapping[str, str]]) -> Result:
    """Time of one estimate, from the cell to the ms."""
    workloads = [workload_of(line["architecture"], "as written") for line in lines]
    costs = fit_costs([amounts_of(one) for one in workloads], [float(line["pixel2_ms"]) for line in lines])
    start = time.perf_counter()
    for line in lines:
        cost_of(amounts_of(workload_of(line["architecture"], "as written")), costs)
    each = 1000 * (time.perf_counter() - start) / len(lines)
    return Result("one candidate", each, "ms", 10.0, f"mean of {len(lines)}, from the text of the cell")


def ceiling(amounts: Sequence[Amounts], times: np.ndarray) -> tuple[float, float]:
    """% within 10 % of a fit to all, and of the best number for each group of networks with the same counts."""
    costs = fit_costs(amounts, [float(one) for one in times])
    errors = np.abs(np.array([cost_of(row, costs) for row in amounts]) / times - 1)
    groups = defaultdict(list)
    for row, truth in zip(amounts, times, strict=True):
        counts = [row.get(f"{kind} operations", 0) for kind in ("convolution", "pointwise", "pooling")]
        groups[tuple(counts)].append(truth)
    best = sum(most_within(np.array(values)) for values in groups.values())
    return 100 * float(np.mean(errors <= 0.10)), 100 * best / len(times)


def spread(amounts: Sequence[Amounts], times: np.ndarray, numbers: Sequence[int]) -> tuple[float, ...]:
    """Where times lie around a fit to all, and whether networks with neighbouring numbers are off together.

    The two smallest networks, of which nothing is left to compute, are not counted.
    """
    costs = fit_costs(amounts, [float(one) for one in times])
    ratio = times / np.array([cost_of(row, costs) for row in amounts])
    kept = [place for place in np.argsort(numbers) if len(amounts[place]) > FEW_AMOUNTS]
    ordered = ratio[kept]
    logs = np.clip(np.log(ordered), -0.5, 0.5)
    together = float(np.corrcoef(logs[:-1], logs[1:])[0, 1])
    near = 100 * float(np.mean(np.abs(ordered - 1) <= 0.03))
    below, above = (100 * float(np.mean(one)) for one in (ordered < 0.9, ordered > 1.1))
    return near, below, above, float(ordered.min()), float(ordered.max()), together


def most_within(values: np.ndarray) -> int:
    """How many of the values can be within 10 % of one number, at most."""
    candidates = np.concatenate([values * 0.9, values * 1.1])
    off = np.abs(candidates[:, None] / values[None] - 1)
    return int((off <= 0.10 + 1e-12).sum(axis=1).max())


def repeated(lines: Sequence[Mapping[str, str]], times: np.ndarray) -> tuple[int, float, float]:
    """Pairs of cells that compute the same graph: how many, % of them more than 10 % apart, and the farthest."""
    groups = defaultdict(list)
    for line, truth in zip(lines, times, strict=True):
        if not any(operation == "none" and target < 3 for _, target, operation in edges_of(line["architecture"])):
            groups[graph_of(line["architecture"])].append(float(truth))
    apart = [max(a, b) / min(a, b) - 1 for values in groups.values() for a, b in combinations(values, 2)]
    return len(apart), 100 * float(np.mean([one > 0.10 for one in apart])), 100 * max(apart)


def graph_of(cell: str, node: int = 3) -> str:
    """What reaches a node, in an order of its own: equal for cells that compute the same."""
    if node == 0:
        return "x"
    parts = [
        graph_of(cell, source) if operation == "skip_connect" else f"{operation}({graph_of(cell, source)})"
        for source, target, operation in edges_of(cell)
        if target == node and operation != "none"
    ]
    return parts[0] if len(parts) == 1 else f"[{' '.join(sorted(parts))}]"


def published_tables() -> list[FittedTable]:
    """Costs scaled to published times of MobileNets, a table for each dtype and number of threads."""
    with PUBLISHED.open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if usable(row)]
    groups: dict[tuple[str, int], dict[str, list[tuple[Amounts, float]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        dtype = DTYPES[row["dtype"]]
        amounts = amounts_of(Workload(operations_of(NETWORKS[row["model"]](), BYTES[dtype]), dtype))
        groups[dtype, THREADS[row["threads"]]][row["device"]].append((amounts, float(row["latency_ms"])))
    return [
        fit_uncalibrated(found, dtype, threads) for (dtype, threads), found in sorted(groups.items()) if len(found) > 1
    ]


def usable(row: Mapping[str, str]) -> bool:
    """An Arm CPU with NEON, a network whose layers are known, one time."""
    known = row["model"] in NETWORKS and row["dtype"] in DTYPES and row["threads"] in THREADS
    return known and not row["device"].startswith(OTHER_CPUS)


def operations_of(layers: Sequence[TpuLayer], size: int) -> tuple[Operation, ...]:
    """Layers as operations whose numbers take `size` bytes."""
    found = []
    for layer in layers:
        pointwise = layer.kind == "convolution" and layer.taps == 1
        kind: Kind = "pointwise" if pointwise else KIND_OF[layer.kind]
        weights = layer.taps * layer.inputs * layer.outputs
        moved = layer.input_bytes + layer.output_bytes
        found.append(Operation(kind, layer.macs, size * moved, size * weights))
    return tuple(found)


def published_rows() -> list[list[str | float | None]]:
    """The tables that edgebuild has before a calibration."""
    return [
        [one.dtype, one.threads, one.networks, 100 * one.error, np.exp(one.low), np.exp(one.high), 100 * one.confidence]
        for one in shipped.uncalibrated_tables()
    ]


if __name__ == "__main__":
    main()
